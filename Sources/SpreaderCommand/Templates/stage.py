"""The stage `NAME`. Describe its purpose here."""

from spreader_plugin import Stage, StageError, plan, serve


class STAGE(Stage):
    name = "NAME"
    summary = "Refuses footage that is longer than a limit."
    effect = "pure"
    resource = "light"
    input = "ProbedMedia"
    output = "ProbedMedia"
    options = {
        "maxSeconds": {
            "type": "number", "default": 600, "minimum": 1, "description": "Longest allowed footage, in seconds."},
    }

    def verdict(self, options, media):
        # After `split`, the stage runs once for each part of the footage.
        part = media.get("part")
        seconds = part["end"] - part["start"] if part else media["duration"]
        if seconds > options["maxSeconds"]:
            raise StageError(
                f"{media['source']['displayPath']} is {seconds:.1f} s long, the limit is {options['maxSeconds']} s",
                "unusable-footage", hint="cut it, or raise maxSeconds")

    def plan(self, options, media, context):
        self.verdict(options, media)
        return plan("check the length", output=media)

    def run(self, options, media, context):
        self.verdict(options, media)
        context.progress(1)
        return media


if __name__ == "__main__":
    serve([STAGE()], name="NAME", version="0.1.0")
