"""The differential test as a suite. SEEDS (default 1..40) and OPS (500) in the environment."""

import os
import unittest

from harness.cases import TESTS_APACHE

from .__main__ import parse_seeds, run_seeds


class Differential(unittest.TestCase):

    def test_no_unintended_difference(self):
        kinds = ('apache', 'apache' if TESTS_APACHE else 'topod')
        seeds = parse_seeds(os.environ.get('SEEDS', '1..40'))
        differences, used = run_seeds(seeds, int(os.environ.get('OPS', '500')), kinds,
                                      say=lambda text: None)
        if TESTS_APACHE:
            self.assertEqual(used, {}, 'a server needs no tolerance against itself')
        for seed, text in differences.items():
            with self.subTest(seed=seed):
                self.fail(text)
