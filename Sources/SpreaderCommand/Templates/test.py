"""Run with `python3 -m unittest` in this folder."""

import unittest

from MODULE import STAGE
from spreader_plugin import StageError


class Tests(unittest.TestCase):
    media = {"duration": 12.0, "source": {"displayPath": "clip.mov"}}

    def test_short_footage_goes_through(self):
        STAGE().verdict({"maxSeconds": 60}, self.media)

    def test_long_footage_is_refused(self):
        with self.assertRaises(StageError):
            STAGE().verdict({"maxSeconds": 10}, self.media)


if __name__ == "__main__":
    unittest.main()
