// The tokens of a prompt, however they were cached. Pure.

import { PROMPT } from "../../cost.js";

export const promptTokens = (tokens) => PROMPT.reduce((sum, name) => sum + (tokens[name] ?? 0), 0);
