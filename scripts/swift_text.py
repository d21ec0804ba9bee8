"""Reads just enough of Swift's syntax for the scripts in this folder: comments, string literals, brackets."""
import re

STRING = re.compile(r'"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"')
LITERAL_OR_COMMENT = re.compile(
    r'(?P<literal>(?P<hashes>#+)"(?:.|\n)*?"(?P=hashes)|' + STRING.pattern + r')|//[^\n]*|/\*(?:.|\n)*?\*/')


def strip(text, literals=True):
    """The text without comments. Line breaks stay, so that line numbers do too.

    `literals=False` also empties string literals, with the code that is inserted into them.
    """
    def kept(match):
        found = match.group(0)
        if match.group("literal"):
            return found if literals else '""' + "\n" * found.count("\n")
        return " " + "\n" * found.count("\n")

    return LITERAL_OR_COMMENT.sub(kept, text)


def closing(text, start):
    """The index after the bracket that closes the one at `start`."""
    pairs, stack, i = {"(": ")", "[": "]", "{": "}"}, [], start
    while i < len(text):
        c = text[i]
        if c == '"':
            match = STRING.match(text, i)
            i = match.end() if match else i + 1
            continue
        if c in pairs:
            stack.append(pairs[c])
        elif stack and c == stack[-1]:
            stack.pop()
            if not stack:
                return i + 1
        i += 1
    raise ValueError("unbalanced brackets")


def split(text, separator):
    """The pieces of `text` between separators outside brackets and strings."""
    pieces, depth, last, i = [], 0, 0, 0
    while i < len(text):
        c = text[i]
        if c == '"':
            match = STRING.match(text, i)
            i = match.end() if match else i + 1
            continue
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == separator and depth == 0:
            pieces.append(text[last:i])
            last = i + 1
        i += 1
    return [p.strip() for p in pieces + [text[last:]] if p.strip()]
