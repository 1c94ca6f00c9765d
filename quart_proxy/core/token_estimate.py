"""How many tokens a chat comes to, where nobody who knows is asked."""

from quart_proxy.core.chat import Chat


def estimate_input_tokens(chat: Chat) -> int:
    return 1
