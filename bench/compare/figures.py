"""From runs to figures, and from figures to tables. Plain Python."""
import statistics

# A run counts as disturbed when its threads waited that share of the time for
# a core which another process had.
DISTURBED = 0.05


def undisturbed(runs):
    """Seconds of the (seconds, waited seconds) that nobody disturbed.

    When all were disturbed, all count: their number tells (see `clean`).
    """
    quiet = [seconds for seconds, waited in runs
             if waited <= DISTURBED * seconds]
    return quiet or [seconds for seconds, _ in runs]


def summarise(runs):
    """Least and median of the undisturbed runs, and how many those were."""
    seconds = undisturbed(runs)
    clean = sum(waited <= DISTURBED * time for time, waited in runs)
    return {'least': min(seconds), 'median': statistics.median(seconds),
            'clean': clean, 'runs': len(runs)}


def ratio(rows, ours, peers, figure):
    """How many times the best of the peers takes what `ours` takes.

    rows: {key: {figure: number}}. None when one side is missing.
    """
    known = [rows[peer][figure] for peer in peers if figure in rows.get(peer, {})]
    if not known or not rows.get(ours, {}).get(figure):
        return None
    return min(known) / rows[ours][figure]


def spread(above, below):
    """Lower quartile, median and upper quartile of the ratios by round."""
    ratios = [a / b for a, b in zip(above, below)]
    if len(ratios) == 1:
        return ratios * 3
    return tuple(statistics.quantiles(ratios, n=4, method='inclusive'))


def number(value, digits):
    return '-' if value is None else f'{value:.{digits}f}'


def table(head, lines):
    """A markdown table; every cell is text."""
    widths = [max(len(line[i]) for line in [head, *lines])
              for i in range(len(head))]
    rows = [[cell.ljust(width) for cell, width in zip(line, widths)]
            for line in [head, ['-' * width for width in widths], *lines]]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def time_table(labels, sizes, results):
    """results: {size: {key: row}}; a row of milliseconds for each engine."""
    def cell(row):
        if 'least' not in row:
            return '-'
        doubt = '' if row['clean'] else ' ?'
        return f"{row['least'] * 1e3:.0f} ({row['median'] * 1e3:.0f}){doubt}"
    lines = [[label] + [cell(results[size].get(key, {})) for size in sizes]
             for key, label in labels.items()]
    return table(['ms, least (median)'] + [str(size) for size in sizes], lines)


def quality_table(labels, size, rows):
    lines = []
    for key, label in labels.items():
        row = rows.get(key, {})
        if 'max_abs' not in row:
            continue
        lines.append([label, number(row.get('above_mib'), 0),
                      number(row.get('peak_mib'), 0), f"{row['max_abs']:.1e}",
                      f"{row['mae']:.1e}", number(row['psnr'], 1)])
    return table([f'at {size}', 'MiB above model and frame', 'peak RSS MiB',
                  'max_abs', 'MAE', 'PSNR dB'], lines)


def goal_table(speed_goals, memory_goal, sizes, results):
    def line(goal, figure):
        what, ours, peers, at_least, aim = goal
        cells = [number(ratio(results[size], ours, peers, figure), 2)
                 for size in sizes]
        return [what, f'{at_least:g}', f'{aim:g}', *cells]
    lines = [line(goal, 'least') for goal in speed_goals]
    lines.append(line(memory_goal, 'above_mib'))
    return table(['ratio', 'at least', 'aim'] + [str(size) for size in sizes],
                 lines)
