// What this proxy is called in the settings of clients.

export const PROVIDER = "quart-proxy";
export const KEY_VARIABLE = "QUART_PROXY_API_KEY";
