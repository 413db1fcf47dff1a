"""The table of tools/compare, in Markdown."""

import statistics

HEADER = ('| figure | {topod} | {baseline} | ratio (rounds) | required | share of the limit |\n'
          '|---|--:|--:|--:|--:|--:|\n')


def values_of(results, name, side, value):
    rounds = results.get(name, {}).get('rounds', [])
    return [values[side][value] for values in rounds if value in values.get(side, {})]


def median_text(values, digits):
    return f'{statistics.median(values):,.{digits}f}' if values else ''


def values_text(row, values):
    text = median_text(values, row.digits)
    if row.has_spread and values:
        text += f' ({min(values):,.{row.digits}f}–{max(values):,.{row.digits}f}, {len(values)})'
    return text


def ratio_text(ratio):
    return f'{ratio:.2f}' if ratio < 10 else f'{ratio:.1f}'


def ratios_of(results, name, value, other='baseline'):
    """One ratio for each round that has both sides: neighbours in time are what is compared."""
    ratios = []
    for values in results.get(name, {}).get('rounds', []):
        ours, theirs = (values.get(side, {}).get(value) for side in ('topod', other))
        if ours is not None and theirs:
            ratios.append(ours / theirs)
    return ratios


def required_text(row, ratios, ours):
    demands = []
    if row.at_least:
        demands.append((f'≥ {row.at_least:g}', ratios, lambda value: value >= row.at_least))
    if row.at_most:
        demands.append((f'≤ {row.at_most:.2g}', ratios, lambda value: value <= row.at_most))
    if row.value_at_most:
        demands.append((f'≤ {row.value_at_most:g} itself', ours,
                        lambda value: value <= row.value_at_most))
    texts = []
    for text, values, holds in demands:
        verdict = ''
        if values:
            verdict = ' met' if holds(statistics.median(values)) else ' **missed**'
        texts.append(text + verdict)
    return ', '.join(texts)


def limit_text(figure, row, results):
    shares = ratios_of(results, figure.name, row.value, 'limit') if row.has_limit else []
    if not shares:
        return ''
    limit = median_text(values_of(results, figure.name, 'limit', row.value), row.digits)
    return f'{statistics.median(shares):.0%} of {limit} ({figure.probe[0]})'


def line(figure, row, results):
    ours = values_of(results, figure.name, 'topod', row.value)
    theirs = values_of(results, figure.name, 'baseline', row.value)
    ratios = ratios_of(results, figure.name, row.value)
    ratio = ''
    if ratios:
        ratio = (f'{ratio_text(statistics.median(ratios))} '
                 f'({ratio_text(min(ratios))}–{ratio_text(max(ratios))}, {len(ratios)})')
    cells = [row.title, values_text(row, ours), values_text(row, theirs), ratio,
             required_text(row, ratios, ours), limit_text(figure, row, results)]
    return '| ' + ' | '.join(cells) + ' |\n'


def table(figures, results, setting):
    """Medians of all rounds; the ratio's spread is that of the rounds' own ratios."""
    text = HEADER.format(topod=setting.label('topod'), baseline=setting.label('baseline'))
    for figure in figures:
        if figure.name in results:
            text += ''.join(line(figure, row, results) for row in figure.rows)
    return text
