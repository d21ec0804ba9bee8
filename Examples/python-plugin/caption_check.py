"""The stage `caption-check` checks the subtitles beside the footage before they are burned in.

    { "uses": "probe" },
    { "uses": "caption-check", "with": { "maxCharactersPerSecond": 20 } },
    { "uses": "subtitles" },
    { "uses": "transcode" }

Unusable subtitles (invalid times, times that run backwards, cues that end before they begin) refuse the footage.
Subtitles that are hard to read cause a warning, or an error with `strict`.
"""

import os
import re
import unicodedata

from spreader_plugin import Stage, StageError, finding, plan, serve

TIME = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})[,.](\d{1,3})")
TAG = re.compile(r"<[^>]*>|\{\\[^}]*\}")


class Cue:
    def __init__(self, line, start, end, text):
        self.line, self.start, self.end, self.text = line, start, end, text


class Problem:
    def __init__(self, line, message, is_fatal=False):
        self.line, self.message, self.is_fatal = line, message, is_fatal


def seconds(text):
    match = TIME.fullmatch(text.strip())
    if not match or int(match[2]) > 59 or int(match[3]) > 59:
        return None
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3]) + int(match[4].ljust(3, "0")) / 1000


def parse(text):
    """Returns the cues of an .srt file, and the problems of lines that can't be read."""
    cues, problems = [], []
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    index = 0
    while index < len(lines):
        if not lines[index].strip():
            index += 1
            continue
        # Skip the cue number, which is often wrong or missing.
        if "-->" not in lines[index] and index + 1 < len(lines) and "-->" in lines[index + 1]:
            index += 1
        place = index + 1
        parts = re.split(r"\s*-->\s*", lines[index])
        index += 1
        body = []
        while index < len(lines) and lines[index].strip():
            body.append(lines[index])
            index += 1
        if len(parts) != 2:
            problems.append(Problem(place, "a cue needs a line such as 00:00:01,000 --> 00:00:03,000", True))
            continue
        start, end = seconds(parts[0]), seconds(parts[1].split(" ")[0])
        if start is None or end is None:
            problems.append(Problem(place, f"\"{lines[place - 1].strip()}\" is not a valid time", True))
            continue
        cues.append(Cue(place, start, end, [TAG.sub("", line).strip() for line in body]))
    return cues, problems


def width(text):
    """Counts characters as displayed: combining marks take no space."""
    return sum(1 for character in text if not unicodedata.combining(character))


def look_over(cues, duration, options):
    problems = []
    before = None
    for cue in cues:
        if cue.end <= cue.start:
            problems.append(Problem(cue.line, "the cue ends before it begins", True))
        elif before and cue.start < before.start:
            problems.append(Problem(cue.line, "the cue begins before the one above it", True))
        elif before and cue.start < before.end - 0.0005:
            problems.append(Problem(cue.line, "the cue begins before the one above it ends"))
        if cue.start >= duration:
            problems.append(Problem(cue.line, f"the cue begins after the end of the footage ({duration:.1f} s)"))
        if not any(cue.text):
            problems.append(Problem(cue.line, "the cue is empty"))
        longest = max((width(line) for line in cue.text), default=0)
        if longest > options["maxLineLength"]:
            problems.append(Problem(
                cue.line, f"a line has {longest} characters, the limit is {options['maxLineLength']}"))
        if len(cue.text) > options["maxLines"]:
            problems.append(Problem(cue.line, f"the cue has {len(cue.text)} lines, the limit is {options['maxLines']}"))
        if cue.end > cue.start:
            rate = sum(width(line) for line in cue.text) / (cue.end - cue.start)
            if rate > options["maxCharactersPerSecond"]:
                problems.append(Problem(
                    cue.line, f"{rate:.0f} characters per second, the limit is {options['maxCharactersPerSecond']:g}"))
        before = cue
    return problems


class CaptionCheck(Stage):
    name = "caption-check"
    summary = "Checks the .srt file beside the footage: times, overlaps, reading speed and line length."
    # Not "pure": the output also depends on the .srt file, which is not part of the input, so it must not be cached.
    effect = "resumable"
    resource = "light"
    input = "ProbedMedia"
    output = "ProbedMedia"
    options = {
        "required": {
            "type": "boolean", "default": False, "description": "Whether to refuse footage without an .srt file."},
        "strict": {
            "type": "boolean", "default": False,
            "description": "Whether to refuse footage whose subtitles are hard to read."},
        "maxCharactersPerSecond": {
            "type": "number", "default": 20, "minimum": 5, "maximum": 60,
            "description": "Reading speed that viewers can follow."},
        "maxLineLength": {
            "type": "integer", "default": 42, "minimum": 10, "maximum": 120,
            "description": "Characters in a line."},
        "maxLines": {"type": "integer", "default": 2, "minimum": 1, "maximum": 6, "description": "Lines in a cue."},
    }

    def look(self, options, media):
        """Returns the path of the .srt file or None, its problems, and the number of cues."""
        path = os.path.splitext(media["source"]["file"]["path"])[0] + ".srt"
        try:
            with open(path, "rb") as file:
                data = file.read(16_000_000)
        except FileNotFoundError:
            return None, [], 0
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
        cues, problems = parse(text)
        if not cues and not problems:
            problems.append(Problem(1, "the file has no cues", True))
        return path, problems + look_over(cues, media["duration"], options), len(cues)

    def verdict(self, options, media):
        """Returns the result of `look`, or raises StageError if the footage must be refused."""
        path, problems, count = self.look(options, media)
        if path is None:
            if options["required"]:
                shown = os.path.splitext(media["source"]["displayPath"])[0] + ".srt"
                raise StageError(
                    f"{shown} is missing", "unusable-footage", "add the file, or set \"required\" to false")
            return None, [], 0
        fatal = [problem for problem in problems if problem.is_fatal or options["strict"]]
        if fatal:
            more = f", and {len(fatal) - 1} more" if len(fatal) > 1 else ""
            raise StageError(
                f"{os.path.basename(path)}:{fatal[0].line}: {fatal[0].message}{more}", "unusable-footage",
                "correct the subtitles and run the same command again")
        return path, problems, count

    def plan(self, options, media, context):
        path, problems, count = self.verdict(options, media)
        if path is None:
            return plan("no .srt file: nothing to check", output=media)
        warnings = [
            finding(f"{os.path.basename(path)}:{problem.line}: {problem.message}", "caption", "warning")
            for problem in problems]
        return plan(f"{count} cues, no problems" if not problems else f"{count} cues, {len(problems)} warnings",
                    output=media, findings=warnings)

    def run(self, options, media, context):
        path, problems, _ = self.verdict(options, media)
        for problem in problems:
            context.log(f"{os.path.basename(path)}:{problem.line}: {problem.message}", "warning")
        context.progress(1)
        return media


if __name__ == "__main__":
    serve([CaptionCheck()], name="caption-check", version="1.0.0")
