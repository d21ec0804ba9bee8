"""The stage `caption-check`: subtitles that stand beside the footage are looked over before they are burned in.

    { "uses": "probe" },
    { "uses": "caption-check", "with": { "maxCharactersPerSecond": 20 } },
    { "uses": "subtitles" },
    { "uses": "transcode" }

What makes subtitles unusable (no numbers, times that run backwards, cues that end before they begin) refuses the
footage; what makes them hard to read is a warning, or an error with `strict`.
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
    """The cues of an .srt file, and what can't be read of it."""
    cues, problems = [], []
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    index = 0
    while index < len(lines):
        if not lines[index].strip():
            index += 1
            continue
        # The number is for people, and often wrong or missing.
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
            problems.append(Problem(place, f"\"{lines[place - 1].strip()}\" is no time", True))
            continue
        cues.append(Cue(place, start, end, [TAG.sub("", line).strip() for line in body]))
    return cues, problems


def width(text):
    """Characters as they are read: marks that sit on another one take no room."""
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
            problems.append(Problem(cue.line, "the cue begins before the one above it has ended"))
        if cue.start >= duration:
            problems.append(Problem(cue.line, f"the cue begins after the footage has ended ({duration:.1f} s)"))
        if not any(cue.text):
            problems.append(Problem(cue.line, "the cue is empty"))
        longest = max((width(line) for line in cue.text), default=0)
        if longest > options["maxLineLength"]:
            problems.append(Problem(cue.line, f"a line of {longest} characters, {options['maxLineLength']} fit"))
        if len(cue.text) > options["maxLines"]:
            problems.append(Problem(cue.line, f"{len(cue.text)} lines at once, {options['maxLines']} are readable"))
        if cue.end > cue.start:
            rate = sum(width(line) for line in cue.text) / (cue.end - cue.start)
            if rate > options["maxCharactersPerSecond"]:
                problems.append(Problem(
                    cue.line, f"{rate:.0f} characters a second, {options['maxCharactersPerSecond']:g} can be read"))
        before = cue
    return problems


class CaptionCheck(Stage):
    name = "caption-check"
    summary = "Checks the .srt file beside the footage: times, overlaps, reading speed, length of lines."
    # The .srt file is no part of the input, so an earlier verdict says nothing about today's file.
    effect = "resumable"
    resource = "light"
    input = "ProbedMedia"
    output = "ProbedMedia"
    options = {
        "required": {
            "type": "boolean", "default": False, "description": "Whether footage without an .srt file is refused."},
        "strict": {
            "type": "boolean", "default": False,
            "description": "Whether subtitles that are hard to read refuse the footage, too."},
        "maxCharactersPerSecond": {
            "type": "number", "default": 20, "minimum": 5, "maximum": 60,
            "description": "Reading speed that viewers can follow."},
        "maxLineLength": {
            "type": "integer", "default": 42, "minimum": 10, "maximum": 120,
            "description": "Characters in one line."},
        "maxLines": {"type": "integer", "default": 2, "minimum": 1, "maximum": 6, "description": "Lines at once."},
    }

    def look(self, options, media):
        """The problems of the file beside the footage, and its path; None for the path when there is no file."""
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
            problems.append(Problem(1, "there are no cues in it", True))
        return path, problems + look_over(cues, media["duration"], options), len(cues)

    def verdict(self, options, media):
        """The path and its problems.

        Raises StageError when they refuse the footage.
        """
        path, problems, count = self.look(options, media)
        if path is None:
            if options["required"]:
                shown = os.path.splitext(media["source"]["displayPath"])[0] + ".srt"
                raise StageError(
                    f"{shown} is missing", "unusable-footage", "put the subtitles there, or leave out \"required\"")
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
        return plan(f"{count} cues are fine" if not problems else f"{len(problems)} remarks about {count} cues",
                    output=media, findings=warnings)

    def run(self, options, media, context):
        path, problems, _ = self.verdict(options, media)
        for problem in problems:
            context.log(f"{os.path.basename(path)}:{problem.line}: {problem.message}", "warning")
        context.progress(1)
        return media


if __name__ == "__main__":
    serve([CaptionCheck()], name="caption-check", version="1.0.0")
