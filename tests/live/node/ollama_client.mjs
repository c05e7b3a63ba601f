// The npm package `ollama` against the gateway named on the command line. Prints one JSON object: scenario -> what came out of it.
import { Ollama } from "ollama";

const [host, picture] = process.argv.slice(2);
const client = new Ollama({ host });
const count = [{ role: "user", content: "count to 5" }];
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Current weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
};

async function collect(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

async function failure(ask) {
  try {
    await ask();
  } catch (error) {
    return { name: error.name, message: error.message, status: error.status_code ?? null };
  }
  return null;
}

const scenarios = {
  list: async () => (await client.list()).models.map((model) => model.name),
  show: async () => (await client.show({ model: "demo-tools" })).capabilities,
  version: async () => (await client.version()).version,
  ps: async () => (await client.ps()).models,
  chat: async () => client.chat({ model: "demo-chat", messages: count }),
  stream: async () => collect(await client.chat({ model: "demo-chat", messages: count, stream: true })),
  tools: async () => {
    const messages = [{ role: "user", content: "weather in Paris and London" }];
    const { message } = await client.chat({ model: "demo-tools", messages, tools: [weather] });
    messages.push(message);
    for (const call of message.tool_calls) {
      messages.push({ role: "tool", tool_name: call.function.name, content: `20 degrees in ${call.function.arguments.city}` });
    }
    return [message, (await client.chat({ model: "demo-tools", messages, tools: [weather] })).message];
  },
  thinking: async () => {
    const messages = [{ role: "user", content: "Why?" }];
    const on = await client.chat({ model: "demo-thinking", messages, think: true });
    const off = await client.chat({ model: "demo-thinking", messages, think: false });
    return [on.message, off.message];
  },
  picture: async () => {
    const messages = [{ role: "user", content: "What is it?", images: [picture] }];
    return (await client.chat({ model: "demo-vision", messages })).message.content;
  },
  format: async () => {
    const messages = [{ role: "user", content: "Ada Lovelace is 36 years old" }];
    return JSON.parse((await client.chat({ model: "demo-json", messages, format: person })).message.content);
  },
  generate: async () => client.generate({ model: "demo-chat", prompt: "count to 5" }),
  generate_stream: async () => collect(await client.generate({ model: "demo-chat", prompt: "count to 5", stream: true })),
  embed: async () => (await client.embed({ model: "demo-embed", input: ["cat", "dog"] })).embeddings,
  embeddings: async () => (await client.embeddings({ model: "demo-embed", prompt: "cat" })).embedding.length,
  pull: async () => (await collect(await client.pull({ model: "demo-chat", stream: true }))).map((part) => part.status),
  pull_unknown: async () => failure(async () => collect(await client.pull({ model: "llama3", stream: true }))),
  chat_unknown: async () => failure(() => client.chat({ model: "llama3", messages: count })),
  stream_unknown: async () => failure(() => client.chat({ model: "llama3", messages: count, stream: true })),
  aborted: async () =>
    failure(async () => {
      const messages = [{ role: "user", content: "count to 9999" }];
      const stream = await client.chat({ model: "demo-chat", messages, stream: true });
      for await (const _ of stream) stream.abort();
    }),
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
