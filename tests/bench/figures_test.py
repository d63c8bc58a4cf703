"""figures_test.py COMPARE_FOLDER: ratios and tables of bench/compare."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

FOLDER = sys.argv.pop(1)
sys.path.insert(0, FOLDER)
import engines  # noqa: E402
import figures  # noqa: E402


class Runs(unittest.TestCase):
    def test_disturbed_runs_do_not_count(self):
        runs = [(1.0, 0.0), (0.5, 0.4), (3.0, 0.1), (2.0, 0.01)]
        self.assertEqual(figures.summarise(runs), {
            'least': 1.0, 'median': 2.0, 'clean': 3, 'runs': 4})

    def test_unless_all_were_disturbed(self):
        row = figures.summarise([(1.0, 0.5), (2.0, 0.5)])
        self.assertEqual((row['least'], row['clean']), (1.0, 0))

    def test_spread_is_of_the_rounds(self):
        low, middle, high = figures.spread([2, 4, 6, 8, 10], [2, 2, 2, 2, 2])
        self.assertEqual((low, middle, high), (2, 3, 4))
        self.assertEqual(list(figures.spread([3], [2])), [1.5] * 3)


class Ratios(unittest.TestCase):
    ROWS = {'ours': {'least': 0.2}, 'slow': {'least': 2.0},
            'fast': {'least': 0.5}, 'silent': {}}

    def test_the_fastest_peer_counts(self):
        found = figures.ratio(self.ROWS, 'ours', ('slow', 'fast'), 'least')
        self.assertAlmostEqual(found, 2.5)

    def test_what_is_missing_has_no_ratio(self):
        for ours, peers in [('ours', ('silent', 'none')), ('none', ('fast',)),
                            ('silent', ('fast',))]:
            self.assertIsNone(figures.ratio(self.ROWS, ours, peers, 'least'))


class Tables(unittest.TestCase):
    def test_columns_line_up(self):
        self.assertEqual(figures.table(['a', 'bb'], [['ccc', 'd']]),
                         '| a   | bb |\n| --- | -- |\n| ccc | d  |')

    def test_a_whole_report(self):
        row = {'least': 0.1, 'median': 0.12, 'clean': 0, 'runs': 3,
               'above_mib': 20.0, 'peak_mib': 40.0, 'max_abs': 1e-3,
               'mae': 1e-4, 'psnr': None}
        peer = {**row, 'least': 0.7, 'above_mib': 2000.0, 'clean': 3}
        results = {512: {'tae-f16': row, 'ort-f32': peer}}
        labels = {engine.key: engine.label for engine in engines.ENGINES}
        times = figures.time_table(labels, [512], results)
        self.assertIn('100 (120) ?', times)  # every run was disturbed
        self.assertRegex(times, r'700 \(120\) +\|')
        quality = figures.quality_table(labels, 512, results[512])
        self.assertEqual(len(quality.splitlines()), 4)
        goals = figures.goal_table(engines.SPEED_GOALS, engines.MEMORY_GOAL,
                                   [512], results).splitlines()
        self.assertIn('7.00', next(line for line in goals
                                   if 'f16 : ONNX Runtime fp32 ' in line))
        self.assertIn('100.00', goals[-1])


class Engines(unittest.TestCase):
    def test_goals_name_engines(self):
        keys = [engine.key for engine in engines.ENGINES]
        self.assertEqual(len(keys), len(set(keys)))
        for _, ours, peers, at_least, aim in [*engines.SPEED_GOALS,
                                              engines.MEMORY_GOAL]:
            self.assertLess(at_least, aim)
            self.assertLessEqual({ours, *peers}, set(keys))

    def test_what_cannot_run_says_why(self):
        with tempfile.TemporaryDirectory() as empty:
            setting = engines.Setting('w', empty, empty, empty, 512, 2)
            for engine in engines.ENGINES:
                if engine.kind in ('tae', 'onednn', 'onnx'):
                    why = engines.command_of(engine, setting)
                    self.assertRegex(why, 'is not there$')


class Commits(unittest.TestCase):
    def test_ratio_of_two_commits(self):
        def lines(*times):
            return ''.join(json.dumps({'width': 64, 'height': 32, 'min_ms': t})
                           + '\n' for t in times)
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in 'ab']
            for path, text in zip(paths, [lines(2, 2.2), lines(1, 1)]):
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(text)
            output = subprocess.run(
                [sys.executable, os.path.join(FOLDER, 'commits.py'), 'new',
                 'old', *paths], check=True, capture_output=True, text=True)
        self.assertIn('| 64x32 | 2.00   | 1.00   | 2.100 |', output.stdout)


if __name__ == '__main__':
    unittest.main()
