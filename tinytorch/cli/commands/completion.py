"""`tinytorch completion`."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from tinytorch.cli import command as shared
from tinytorch.cli.showing import show


@shared.command("tinytorch completion bash", "tinytorch completion zsh", "tinytorch completion fish")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), required=False)
@click.pass_context
def completion(context: click.Context, shell: str | None) -> None:
    """Print what makes a shell complete commands and names.

    Of bash: put  eval "$(tinytorch completion bash)"  into ~/.bashrc.  Of zsh the same into ~/.zshrc.  Of
    fish: tinytorch completion fish > ~/.config/fish/completions/tinytorch.fish.
    """
    name = shell or Path(os.environ.get("SHELL", "")).name
    found = get_completion_class(name)
    if found is None:
        raise click.UsageError("say for which shell: bash, zsh or fish")
    made = found(context.find_root().command, {}, "tinytorch", "_TINYTORCH_COMPLETE")
    script = made.source_template % made.source_vars()
    show({"shell": name, "script": script}, script)


command = completion
