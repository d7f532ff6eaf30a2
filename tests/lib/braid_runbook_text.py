"""What a runbook says: its blocks, the commands in them, and what stands between backticks.

A command is a line of an sh block, without its comment; one that ends with a backslash goes on in
the next line.  docs/runbooks/README.md is for writers.
"""

import re

# What a reader would type; in the text they must be the beginning of a command of a block.
PROGRAMS = {"braid", "braidd", "systemctl", "journalctl", "curl", "mv", "cp", "rm", "df", "date",
            "timedatectl", "chronyc"}

FENCE = re.compile(r"^```(\w*)\s*$")
COMMENT = re.compile(r"(^|\s+)#( .*)?$")
SPAN = re.compile(r"`([^`]+)`")


def read_commands(first, lines):
    """[(line number, command)] of an sh block that begins at `first`."""
    commands, begun, at = [], "", 0
    for number, line in enumerate(lines, first):
        text = COMMENT.sub("", line).strip()
        if not text:
            continue
        at = at or number
        begun = f"{begun} {text}".strip()
        if begun.endswith("\\"):
            begun = begun[:-1].rstrip()
            continue
        commands.append((at, begun))
        begun, at = "", 0
    return commands


def read_blocks(text):
    """[(language, line number, commands)]; an indented block has the language ''."""
    blocks, lines = [], text.split("\n")
    language, begun = None, 0
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if fence and language is None:
            language, begun = fence.group(1), number
        elif fence:
            inside = lines[begun:number - 1]
            blocks.append((language, begun,
                           read_commands(begun + 1, inside) if language == "sh" else []))
            language = None
        elif language is None and line.startswith("    ") and (
                number == 1 or not lines[number - 2].strip()):
            blocks.append(("", number, []))
    return blocks


def read_spans(text):
    """[(line number, text)] between backticks, outside of blocks."""
    spans, inside = [], False
    for number, line in enumerate(text.split("\n"), 1):
        if FENCE.match(line):
            inside = not inside
        elif not inside:
            spans += [(number, span) for span in SPAN.findall(line)]
    return spans


def commands_of(text):
    return [command for language, _, commands in read_blocks(text) if language == "sh"
            for _, command in commands]
