"""Random requests to two servers: `python3 -m differential --seeds 1..40 --ops 500`.

Prints the seeds that differ, each with the step, what led to it and both answers; a seed repeats.
"""

import argparse
import collections
import sys
import time

from harness.ensemble import EnsembleAsServer, chosen_way
from harness.server import Apache, Topod

from .driver import CONFIG, Difference, Run


def make_topod(config):
    way = chosen_way()
    return EnsembleAsServer(way, config) if way else Topod(config=config)


KINDS = {'apache': lambda config: Apache(config=config), 'topod': make_topod}


def parse_seeds(text):
    first, _, last = text.partition('..')
    return range(int(first), int(last or first) + 1)


def run_seeds(seeds, steps, kinds=('apache', 'topod'), stop_after=10, say=print):
    """Runs the seeds; returns (differences by seed, tolerances used)."""
    differences, used, servers = {}, collections.Counter(), None
    try:
        for seed in seeds:
            if servers is None:
                servers = [KINDS[kind](dict(CONFIG)).start() for kind in kinds]
            try:
                Run(seed, *servers, used).execute(steps)
            except Difference as difference:
                differences[seed] = str(difference)
                say(f'{difference}\n')
                # What one seed did differently must not trouble the next.
                while servers:
                    servers.pop().close()
                servers = None
                if len(differences) >= stop_after:
                    break
    finally:
        for server in servers or ():
            server.close()
    return differences, used


def main():
    parser = argparse.ArgumentParser(prog='differential', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seed', '--seeds', dest='seeds', type=parse_seeds, default='1..40',
                        metavar='N or A..B')
    parser.add_argument('--ops', type=int, default=500, help='steps per seed')
    parser.add_argument('--servers', default='apache,topod',
                        help='reference and subject (apache,apache must show no difference)')
    parser.add_argument('--stop-after', type=int, default=10, metavar='N',
                        help='stop after N seeds that differ')
    arguments = parser.parse_args()
    begin = time.monotonic()
    differences, used = run_seeds(arguments.seeds, arguments.ops, arguments.servers.split(','),
                                  arguments.stop_after)
    for name, count in sorted(used.items()):
        print(f'intended: {name}: {count} times')
    print(f'seeds {arguments.seeds.start}..{arguments.seeds.stop - 1}, {arguments.ops} steps each: '
          f'{len(differences)} differ; {time.monotonic() - begin:.1f} s')
    return 1 if differences else 0


if __name__ == '__main__':
    sys.exit(main())
