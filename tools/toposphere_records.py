"""What tools/toposphere fills a new toposphere with: a small shop, as Vitess would have written it.

Keyspace commerce is one shard; customer is divided in two. Every shard has its primary in one cell
and replicas in the other. `records` gives each value as the JSON that topoctl takes.
"""

import datetime

GLOBAL = 'global'
ROOT = '/vitess'

KEYSPACES = {'commerce': ('0',), 'customer': ('-80', '80-')}
# keyspace, shard: tablets as (cell, uid, type)
TABLETS = {
    ('commerce', '0'): (('zone1', 100, 'PRIMARY'), ('zone1', 101, 'REPLICA'),
                        ('zone2', 200, 'REPLICA'), ('zone2', 201, 'RDONLY')),
    ('customer', '-80'): (('zone1', 110, 'PRIMARY'), ('zone2', 210, 'REPLICA'),
                          ('zone2', 211, 'RDONLY')),
    ('customer', '80-'): (('zone2', 220, 'PRIMARY'), ('zone1', 120, 'REPLICA'),
                          ('zone1', 121, 'RDONLY')),
}
VSCHEMAS = {
    'commerce': {'tables': {'product': {}, 'customer_seq': {'type': 'sequence'},
                            'order_seq': {'type': 'sequence'}}},
    'customer': {
        'sharded': True,
        'vindexes': {'hash': {'type': 'hash'}},
        'tables': {
            'customer': {'column_vindexes': [{'column': 'customer_id', 'name': 'hash'}],
                         'auto_increment': {'column': 'customer_id',
                                            'sequence': 'commerce.customer_seq'}},
            'orders': {'column_vindexes': [{'column': 'customer_id', 'name': 'hash'}],
                       'auto_increment': {'column': 'order_id',
                                          'sequence': 'commerce.order_seq'}},
        },
    },
}


def key_range(shard):
    """{} for a shard that is everything."""
    start, _, end = shard.partition('-') if '-' in shard else ('', '', '')
    bounds = {name: bound for name, bound in (('start', start), ('end', end)) if bound}
    return {'key_range': bounds} if bounds else {}


def alias(cell, uid):
    return {'cell': cell, 'uid': uid}


def tablet_record(keyspace, shard, cell, uid, kind, now):
    primary_term = {'primary_term_start_time': now} if kind == 'PRIMARY' else {}
    return {'alias': alias(cell, uid), 'hostname': f'tablet{uid}.{cell}.example.com',
            'port_map': {'grpc': 16000 + uid, 'vt': 15000 + uid},
            'keyspace': keyspace, 'shard': shard, **key_range(shard), 'type': kind,
            'mysql_hostname': f'tablet{uid}.{cell}.example.com', 'mysql_port': 3306,
            **primary_term, 'tablet_start_time': now}


def global_records(cells, now):
    """Pairs (path, value). `cells`: the connect string of each cell, by name."""
    for cell, hosts in cells.items():
        yield f'cells/{cell}/CellInfo', {'server_address': hosts, 'root': f'{ROOT}/{cell}'}
    yield 'cells_aliases/everywhere/CellsAlias', {'cells': list(cells)}
    for keyspace, shards in KEYSPACES.items():
        yield f'keyspaces/{keyspace}/Keyspace', {'durability_policy': 'semi_sync'}
        yield f'keyspaces/{keyspace}/VSchema', VSCHEMAS[keyspace]
        for shard in shards:
            cell, uid, _ = TABLETS[keyspace, shard][0]
            yield f'keyspaces/{keyspace}/shards/{shard}/Shard', {
                'primary_alias': alias(cell, uid), **key_range(shard),
                'is_primary_serving': True, 'primary_term_start_time': now}
    yield 'RoutingRules', {'rules': [{'from_table': 'product',
                                      'to_tables': ['commerce.product']}]}


def cell_records(cell, now):
    """Pairs (path, value): the tablets of one cell, and what is derived for its vtgates."""
    for (keyspace, shard), tablets in TABLETS.items():
        here = [(uid, kind) for where, uid, kind in tablets if where == cell]
        for uid, kind in here:
            yield (f'tablets/{cell}-{uid:010}/Tablet',
                   tablet_record(keyspace, shard, cell, uid, kind, now))
        yield f'keyspaces/{keyspace}/shards/{shard}/ShardReplication', {
            'nodes': [{'tablet_alias': alias(cell, uid)} for uid, _ in here]}
    for keyspace, shards in KEYSPACES.items():
        served = [{'name': shard, **key_range(shard)} for shard in shards]
        yield f'keyspaces/{keyspace}/SrvKeyspace', {
            'partitions': [{'served_type': kind, 'shard_references': served}
                           for kind in ('PRIMARY', 'REPLICA', 'RDONLY')]}
    yield 'SrvVSchema', {'keyspaces': VSCHEMAS, 'routing_rules': {
        'rules': [{'from_table': 'product', 'to_tables': ['commerce.product']}]}}


def records(cells):
    """For each topology, by name: {path: value}."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    made = {GLOBAL: global_records(cells, now)}
    made |= {cell: cell_records(cell, now) for cell in cells}
    return {name: {f'{ROOT}/{name}/{path}': value for path, value in pairs}
            for name, pairs in made.items()}
