"""`python -m registry`: the registry's command line."""

from quart_proxy.commands.registry import main

if __name__ == "__main__":
    main(prog_name="registry")
