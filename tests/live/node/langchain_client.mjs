// The npm package `@langchain/ollama`, on which n8n runs, against the gateway named on the command line.
// Prints one JSON object: scenario -> what came out of it.
import { HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { ChatOllama, Ollama, OllamaEmbeddings } from "@langchain/ollama";

const [baseUrl, picture] = process.argv.slice(2);
const chatModel = (model, more = {}) => new ChatOllama({ model, baseUrl, maxRetries: 0, ...more });
const multiply = {
  type: "function",
  function: {
    name: "multiply",
    description: "Multiply two numbers",
    parameters: { type: "object", properties: { a: { type: "integer" }, b: { type: "integer" } }, required: ["a", "b"] },
  },
};
const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
};

async function failure(ask) {
  try {
    await ask();
  } catch (error) {
    return { name: error.name, message: error.message };
  }
  return null;
}

const scenarios = {
  invoke: async () => {
    const answer = await chatModel("demo-chat").invoke([new SystemMessage("Be brief"), new HumanMessage("count to 5")]);
    return { content: answer.content, usage: answer.usage_metadata, done_reason: answer.response_metadata.done_reason };
  },
  stream: async () => {
    const parts = [];
    for await (const part of await chatModel("demo-chat").stream("count to 5")) parts.push(part.content);
    return parts;
  },
  // What n8n sends when its user sets nothing.
  n8n_options: async () => {
    const options = { temperature: 0.7, topK: -1, topP: 1, numCtx: 2048, keepAlive: "5m", useMLock: false, useMMap: true, numPredict: -1 };
    return (await chatModel("demo-chat", options).invoke("count to 5")).content;
  },
  tools: async () => {
    const model = chatModel("demo-tools").bindTools([multiply]);
    const messages = [new HumanMessage("Please multiply 6 by 7")];
    const answer = await model.invoke(messages);
    messages.push(answer);
    for (const call of answer.tool_calls) {
      messages.push(new ToolMessage({ content: String(call.args.a * call.args.b), name: call.name, tool_call_id: call.id }));
    }
    return { calls: answer.tool_calls.map(({ name, args }) => ({ name, args })), final: (await model.invoke(messages)).content };
  },
  structured: async () => {
    const model = chatModel("demo-json").withStructuredOutput(person, { method: "jsonSchema" });
    return model.invoke("Ada Lovelace is 36 years old");
  },
  thinking: async () => {
    const answer = await chatModel("demo-thinking", { think: true }).invoke("Why?");
    return { content: answer.content, thinking: answer.additional_kwargs.reasoning_content };
  },
  picture: async () => {
    const content = [
      { type: "text", text: "What is it?" },
      { type: "image_url", image_url: `data:image/png;base64,${picture}` },
    ];
    return (await chatModel("demo-vision").invoke([new HumanMessage({ content })])).content;
  },
  check_or_pull: async () => (await chatModel("demo-chat", { checkOrPullModel: true }).invoke("count to 5")).content,
  generate: async () => new Ollama({ model: "demo-chat", baseUrl, maxRetries: 0 }).invoke("count to 5"),
  embed: async () => new OllamaEmbeddings({ model: "demo-embed", baseUrl, maxRetries: 0 }).embedDocuments(["cat", "dog"]),
  unknown: async () => failure(() => chatModel("llama3").invoke("hi")),
};

const results = {};
for (const [name, run] of Object.entries(scenarios)) {
  try {
    results[name] = await run();
  } catch (error) {
    results[name] = { crashed: `${error.name}: ${error.message}` };
  }
}
process.stdout.write(JSON.stringify(results));
