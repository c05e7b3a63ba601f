// The npm packages `@anthropic-ai/sdk` and `openai` against the gateway named on the command line.
// Its second argument is a JSON list of [library, body]; prints one JSON list: what each came to, or how it failed.
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const [address, asked] = process.argv.slice(2);
const anthropic = new Anthropic({ baseURL: address, apiKey: "of-the-client", maxRetries: 0 });
const openai = new OpenAI({ baseURL: `${address}/v1`, apiKey: "of-the-client", maxRetries: 0 });

const libraries = {
  "anthropic.messages": (body) => anthropic.messages.stream(body).finalMessage(),
  "openai.chat": async (body) => {
    const stream = openai.chat.completions.stream(body);
    const completion = await stream.finalChatCompletion();
    return { ...completion, usage: completion.usage ?? (await stream.totalUsage()) };
  },
  "openai.responses": async (body) => {
    const response = await openai.responses.stream(body).finalResponse();
    if (response.status === "failed") throw new Error(response.error.message);
    return response;
  },
};

const results = [];
for (const [library, body] of JSON.parse(asked)) {
  try {
    results.push({ answer: await libraries[library](body) });
  } catch (error) {
    results.push({ error: error.message, status: error.status ?? null });
  }
}
console.log(JSON.stringify(results));
