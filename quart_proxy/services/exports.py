"""Files of rows without end, such as the log as CSV."""

import asyncio

AT_ONCE = 2


class Exports:
    """`turns`: a part of a file is read and written as text in one of them. However many files are asked for, whoever
    is relayed to meanwhile waits for one part, and most connections to the database are left to others."""

    def __init__(self) -> None:
        self.turns = asyncio.Semaphore(AT_ONCE)
