"""Run with `python3 -m unittest` in this folder."""

import unittest

from caption_check import CaptionCheck, look_over, parse

OPTIONS = {key: schema["default"] for key, schema in CaptionCheck.options.items()}


class Captions(unittest.TestCase):
    def problems(self, text, duration=10):
        cues, problems = parse(text)
        return [(problem.line, problem.is_fatal) for problem in problems + look_over(cues, duration, OPTIONS)]

    def test_sound_subtitles_have_none(self):
        text = "1\n00:00:00,500 --> 00:00:02,000\n<i>Hello</i>\nthere\n\n2\n00:00:02,000 --> 00:00:04,000\nBye\n"
        self.assertEqual(self.problems(text), [])
        self.assertEqual(self.problems("\ufeff" + text.replace("\n", "\r\n")), [])

    def test_times_must_run_forward(self):
        self.assertEqual(self.problems("1\n00:00:03,000 --> 00:00:02,000\nA\n"), [(2, True)])
        backwards = "00:00:05,000 --> 00:00:06,000\nA\n\n00:00:01,000 --> 00:00:02,000\nB\n"
        self.assertEqual(self.problems(backwards), [(4, True)])

    def test_what_is_hard_to_read_is_said(self):
        self.assertEqual(self.problems("1\n00:00:01,000 --> 00:00:01,500\nFar too much for half a second\n"), [(2, False)])
        self.assertEqual(self.problems("1\n00:00:12,000 --> 00:00:14,000\nLate\n"), [(2, False)])

    def test_what_is_no_subtitle_is_refused(self):
        self.assertEqual(self.problems("hello\n"), [(1, True)])
        self.assertEqual(self.problems("1\n00:00:61,000 --> 00:00:62,000\nA\n"), [(2, True)])


if __name__ == "__main__":
    unittest.main()
