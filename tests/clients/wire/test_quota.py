"""Quotas: nodes below /zookeeper/quota that limit and count what lies under a path."""

import re

from harness import records
from harness.cases import ServerCase, differs_from_apache
from harness.codes import Err
from harness.wire import four_letter

LIMITS, STATS = 'zookeeper_limits', 'zookeeper_stats'


class QuotaCase(ServerCase):

    def set_quota(self, client, text, path=None):
        """What `setquota` of the command line does: the nodes, then the stats, then the limits."""
        quota = '/zookeeper/quota'
        for component in (path or self.root).strip('/').split('/'):
            quota += '/' + component
            if client.exchange(records.exists(quota)).err:
                client.create(quota)
        client.create(f'{quota}/{LIMITS}', text.encode())
        client.create(f'{quota}/{STATS}', b'count=0,bytes=0')
        return quota

    def usage(self, client, quota):
        """(count, bytes) as the server tells them."""
        text = client.get_data(f'{quota}/{STATS}')[0].decode().split('=;')[0]
        fields = dict(part.split('=') for part in text.split(','))
        return int(fields['count']), int(fields['bytes'])


class Usage(QuotaCase):

    def test_stats_start_with_what_is_there(self):
        client = self.client_with_root()
        client.create(self.root + '/a', b'12345')
        client.create(self.root + '/a/b', b'123')
        quota = self.set_quota(client, 'count=100,bytes=-1')
        self.assertEqual(self.usage(client, quota), (3, 8))

    def test_stats_follow_creations_changes_and_deletions(self):
        client = self.client_with_root()
        quota = self.set_quota(client, 'count=100,bytes=1000')
        self.assertEqual(self.usage(client, quota), (1, 0))
        client.create(self.root + '/a', b'12345')
        self.assertEqual(self.usage(client, quota), (2, 5))
        client.set_data(self.root + '/a', b'1234567')
        self.assertEqual(self.usage(client, quota), (2, 7))
        client.set_data(self.root, b'12')
        self.assertEqual(self.usage(client, quota), (2, 9))
        client.delete(self.root + '/a')
        self.assertEqual(self.usage(client, quota), (1, 2))

    def test_others_do_not_count(self):
        client = self.client_with_root()
        quota = self.set_quota(client, 'count=100,bytes=1000')
        client.create(self.root + '-other', b'12345')
        self.assertEqual(self.usage(client, quota), (1, 0))

    def test_failed_multi_does_not_count(self):
        client = self.client_with_root()
        quota = self.set_quota(client, 'count=100,bytes=1000')
        client.multi(records.create(self.root + '/a', b'12345'), records.check(self.root, 9))
        self.assertEqual(self.usage(client, quota), (1, 0))

    def test_stats_change_without_zxid_version_or_event(self):
        client = self.client_with_root()
        quota = self.set_quota(client, 'count=100,bytes=1000')
        stat = client.get_data(f'{quota}/{STATS}', watch=True)[1]
        client.create(self.root + '/a', b'12345')
        after = client.stat(f'{quota}/{STATS}')
        self.assertEqual((after.mzxid, after.version), (stat.mzxid, stat.version))
        self.assert_events(client)

    @differs_from_apache('it writes a line to its log')
    def test_writes_beyond_a_soft_limit_are_done_and_counted(self):
        def excesses():
            text = four_letter(self.server, 'mntr')
            return int(re.search(r'^zk_soft_quota_exceeded\t(\d+)$', text, re.MULTILINE).group(1))
        client = self.client_with_root()
        self.set_quota(client, 'count=2,bytes=-1')
        before = excesses()
        client.create(self.root + '/a')
        self.assertEqual(excesses(), before)
        client.create(self.root + '/b')
        self.assertEqual(excesses(), before + 1)

    def test_quota_can_be_removed(self):
        client = self.client_with_root()
        quota = self.set_quota(client, 'count=100,bytes=1000')
        for name in (LIMITS, STATS):
            client.delete(f'{quota}/{name}')
        client.delete(quota)
        client.create(self.root + '/a', b'12345')

    def test_usage_survives_a_restart(self):
        client = self.client_with_root()
        quota = self.set_quota(client, 'count=100,bytes=1000')
        client.create(self.root + '/a', b'12345')
        self.server.restart()
        client = self.connect()
        self.assertEqual(self.usage(client, quota), (2, 5))
        client.create(self.root + '/b', b'1')
        self.assertEqual(self.usage(client, quota), (3, 6))

    def test_hard_limits_are_not_enforced_unless_configured(self):
        client = self.client_with_root()
        self.set_quota(client, 'count=-1,bytes=-1=;byteHardLimit=1;countHardLimit=1')
        client.create(self.root + '/a', b'12345')


class Enforcement(QuotaCase):
    config = {'enforceQuota': 'true'}

    def test_hard_count(self):
        client = self.client_with_root()
        self.set_quota(client, 'count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=3')
        client.create(self.root + '/a')
        client.create(self.root + '/b')
        self.assert_fails(Err.QUOTA_EXCEEDED, client.create, self.root + '/c')
        client.set_data(self.root + '/a', b'some data')
        client.delete(self.root + '/a')
        client.create(self.root + '/c')

    def test_hard_bytes(self):
        client = self.client_with_root()
        self.set_quota(client, 'count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=-1')
        client.create(self.root + '/a', b'12345')
        self.assert_fails(Err.QUOTA_EXCEEDED, client.create, self.root + '/b', b'123456')
        self.assert_fails(Err.QUOTA_EXCEEDED, client.set_data, self.root, b'123456')
        self.assert_fails(Err.QUOTA_EXCEEDED, client.set_data, self.root + '/a', b'12345678901')
        client.set_data(self.root + '/a', b'1234567890')
        client.set_data(self.root + '/a', b'1')

    @differs_from_apache('it refuses every change of size until the usage is below the limit')
    def test_data_may_shrink_while_the_usage_is_above_the_limit(self):
        client = self.client_with_root()
        client.set_data(self.root, bytes(20))
        self.set_quota(client, 'count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=-1')
        client.set_data(self.root, bytes(15))
        self.assert_fails(Err.QUOTA_EXCEEDED, client.set_data, self.root, bytes(16))

    def test_soft_limits_only_warn(self):
        client = self.client_with_root()
        self.set_quota(client, 'count=1,bytes=1')
        client.create(self.root + '/a', b'12345')

    def test_excess_within_a_multi_is_the_error_of_its_operation(self):
        client = self.client_with_root()
        self.set_quota(client, 'count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=-1')
        results = client.multi(records.check(self.root),
                               records.create(self.root + '/a', bytes(11)))
        self.assertEqual([result.err for result in results], [0, Err.QUOTA_EXCEEDED])
