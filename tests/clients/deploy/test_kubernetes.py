"""The Kubernetes manifests: their parts fit together, and topod accepts what they render.

There is no cluster here: what a kubelet would do with a pod is done by hand, and its probes are
asked of real processes on the ports that the manifest names.
"""

import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

from harness.server import REPOSITORY, topod_binary

from .check import check, members

MANIFESTS = REPOSITORY / 'conf' / 'kubernetes'
POD_ADDRESS = '127.0.0.1'
PROGRAMS = ('server/topod', 'tools/ctl/topoctl', 'tools/bench/topobench')


class Manifest:
    """One file, its documents by kind."""

    def __init__(self, name):
        documents = list(yaml.safe_load_all((MANIFESTS / name).read_text()))
        self.name = name
        self.services = [each for each in documents if each['kind'] == 'Service']
        one = {each['kind']: each for each in documents if each['kind'] != 'Service'}
        self.config_map = one['ConfigMap']
        self.budget = one['PodDisruptionBudget']
        self.stateful_set = one['StatefulSet']
        self.spec = self.stateful_set['spec']
        self.pod = self.spec['template']['spec']
        self.labels = self.spec['template']['metadata']['labels']
        (self.container,) = self.pod['containers']
        (self.identity,) = self.pod['initContainers']
        self.config = self.config_map['data']['topod.cfg']

    @property
    def headless(self):
        return next(each for each in self.services if each['spec'].get('clusterIP') == 'None')

    def pods(self):
        return [f'{self.stateful_set["metadata"]["name"]}-{i}'
                for i in range(self.spec['replicas'])]

    def setting(self, key):
        return re.search(rf'^{re.escape(key)}=(.*)$', self.config, re.MULTILINE).group(1)

    def ports(self):
        return {each['name']: each['containerPort'] for each in self.container['ports']}

    def rendered(self, folder, pod):
        """(configuration, myid) as the init container makes them, below `folder` for /."""
        def below(text):
            return re.sub(r'/(etc|run|var)/', rf'{folder}/\1/', text)
        for mount in self.identity['volumeMounts']:
            (folder / mount['mountPath'][1:]).mkdir(parents=True, exist_ok=True)
        (folder / 'etc/topod/topod.cfg').write_text(self.config)
        environment = {'PATH': '/usr/bin:/bin', 'POD_NAME': pod, 'POD_ADDRESS': POD_ADDRESS}
        wanted = {each['name'] for each in self.identity['env']}
        assert wanted == {'POD_NAME', 'POD_ADDRESS'}, wanted
        subprocess.run([*self.identity['command'], *map(below, self.identity['args'])],
                       env=environment, check=True, timeout=20)
        config = below(self.container['args'][1])
        with open(config, encoding='utf-8') as text:
            return text.read(), (folder / 'var/lib/topod/data/myid').read_text()


CELL, GLOBAL = Manifest('cell.yaml'), Manifest('global.yaml')
BOTH = (CELL, GLOBAL)


class Parts:

    manifest = None

    def test_everything_selects_the_pods_and_them_alone(self):
        affinity = self.manifest.pod['affinity']['podAntiAffinity']
        (term,) = affinity['requiredDuringSchedulingIgnoredDuringExecution']
        selectors = [each['spec']['selector'] for each in self.manifest.services]
        selectors += [each['matchLabels'] for each in (
            self.manifest.budget['spec']['selector'], self.manifest.spec['selector'],
            term['labelSelector'])]
        self.assertEqual(selectors, len(selectors) * [self.manifest.labels])

    def test_members_are_the_pods_under_their_names(self):
        service = self.manifest.headless['metadata']['name']
        self.assertEqual(self.manifest.spec['serviceName'], service)
        self.assertEqual(members(self.manifest.config), [1, 2, 3])
        for number, pod in enumerate(self.manifest.pods(), 1):
            host, peer_port, _ = self.manifest.setting(f'server.{number}').split(':')
            self.assertEqual(host, f'{pod}.{service}')
            self.assertEqual(int(peer_port), self.manifest.ports()['peer'])

    def test_members_find_each_other_before_they_are_ready(self):
        self.assertIs(self.manifest.headless['spec']['publishNotReadyAddresses'], True)
        self.assertEqual(self.manifest.spec['podManagementPolicy'], 'Parallel')

    def test_ports_are_those_of_the_configuration(self):
        ports = self.manifest.ports()
        self.assertEqual({'client': ports['client'], 'http': ports['http'],
                          'metrics': ports['metrics']},
                         {'client': int(self.manifest.setting('clientPort')),
                          'http': int(self.manifest.setting('admin.serverPort')),
                          'metrics': int(self.manifest.setting('metricsProvider.httpPort'))})
        for service in self.manifest.services:
            for port in service['spec']['ports']:
                self.assertEqual(ports[port['targetPort']], port['port'])

    def test_probes_ask_where_the_status_is_served(self):
        self.assertEqual(self.manifest.setting('admin.serverAddress'), 'POD_ADDRESS')
        probes = {name: self.manifest.container[f'{name}Probe']['httpGet']
                  for name in ('startup', 'liveness', 'readiness')}
        self.assertEqual(probes, {
            'startup': {'path': '/healthz', 'port': 'http'},
            'liveness': {'path': '/healthz', 'port': 'http'},
            'readiness': {'path': '/readyz', 'port': 'http'}})
        startup = self.manifest.container['startupProbe']
        self.assertGreaterEqual(startup['periodSeconds'] * startup['failureThreshold'], 300)

    def test_every_mount_has_its_volume_and_every_volume_is_mounted(self):
        volumes = {each['name'] for each in self.manifest.pod['volumes']}
        volumes |= {each['metadata']['name'] for each in self.manifest.spec['volumeClaimTemplates']}
        for container in (self.manifest.container, self.manifest.identity):
            mounts = container['volumeMounts']
            self.assertEqual({each['name'] for each in mounts}, volumes)
            self.assertEqual(len({each['mountPath'] for each in mounts}), len(mounts))
        by_name = {each['name']: each for each in self.manifest.pod['volumes']}
        self.assertEqual(by_name['config']['configMap']['name'],
                         self.manifest.config_map['metadata']['name'])

    def test_what_is_written_lies_in_a_volume(self):
        mounts = {each['name']: each['mountPath']
                  for each in self.manifest.container['volumeMounts']}
        self.assertTrue(self.manifest.setting('dataDir').startswith(mounts['data'] + '/'))
        self.assertTrue(self.manifest.setting('peerSecretFile').startswith(mounts['peer'] + '/'))
        self.assertTrue(self.manifest.container['args'][1].startswith(mounts['run'] + '/'))

    def test_the_secret_is_not_for_others(self):
        (secret,) = [each['secret'] for each in self.manifest.pod['volumes'] if 'secret' in each]
        self.assertEqual(secret['defaultMode'] & 0o007, 0)
        # Its group is the process's.
        context = self.manifest.pod['securityContext']
        self.assertEqual(context['fsGroup'], context['runAsGroup'])

    def test_pods_need_no_rights(self):
        self.assertIs(self.manifest.pod['securityContext']['runAsNonRoot'], True)
        for container in (self.manifest.container, self.manifest.identity):
            self.assertEqual(container['securityContext'], {
                'allowPrivilegeEscalation': False, 'readOnlyRootFilesystem': True,
                'capabilities': {'drop': ['ALL']}})

    def test_a_minority_is_down_at_a_time(self):
        self.assertEqual(self.manifest.budget['spec']['maxUnavailable'], 1)
        self.assertGreaterEqual(self.manifest.pod['terminationGracePeriodSeconds'], 30)


class CellParts(Parts, unittest.TestCase):
    manifest = CELL


class GlobalParts(Parts, unittest.TestCase):
    manifest = GLOBAL


class Spread(unittest.TestCase):

    def test_the_pods_of_one_are_not_those_of_the_other(self):
        self.assertNotEqual(CELL.labels, GLOBAL.labels)

    def test_the_global_topology_is_spread_over_zones_and_a_cell_stays_in_its_own(self):
        def spread_over(manifest):
            affinity = manifest.pod['affinity']['podAntiAffinity']
            return affinity['requiredDuringSchedulingIgnoredDuringExecution'][0]['topologyKey']
        self.assertEqual(spread_over(GLOBAL), 'topology.kubernetes.io/zone')
        self.assertEqual(len({GLOBAL.setting(f'cell.{number}') for number in (1, 2, 3)}), 3)
        self.assertEqual(spread_over(CELL), 'kubernetes.io/hostname')
        zone = CELL.pod['nodeSelector']['topology.kubernetes.io/zone']
        self.assertEqual({CELL.setting(f'cell.{number}') for number in (1, 2, 3)}, {zone})


class Rendered(unittest.TestCase):

    def test_the_configuration_of_every_pod_is_accepted(self):
        for manifest in BOTH:
            for number, pod in enumerate(manifest.pods(), 1):
                with self.subTest(pod), tempfile.TemporaryDirectory(prefix='pod-') as name:
                    config, myid = manifest.rendered(pathlib.Path(name), pod)
                    self.assertEqual(myid, f'{number}\n')
                    self.assertIn(f'admin.serverAddress={POD_ADDRESS}\n', config)
                    done = check(config, number, ['/run/secrets/topod'])
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertNotIn('warn ', done.stderr)


class Image(unittest.TestCase):
    """The Containerfile cannot be built without a registry; what it says of this tree can be
    compared."""

    text = (MANIFESTS / 'Containerfile').read_text()

    def test_it_has_all_programs(self):
        built = re.search(r'meson compile -C build (.*) ', self.text).group(1).split()
        self.assertEqual(built, [pathlib.Path(program).name for program in PROGRAMS])

    def test_the_manifests_name_it_by_the_version_of_this_tree(self):
        version = re.search(r"version : '(.*?)'", (REPOSITORY / 'meson.build').read_text()).group(1)
        self.assertIn(f'-t topod:{version} ', self.text)
        for manifest in BOTH:
            for container in (manifest.container, manifest.identity):
                self.assertEqual(container['image'], f'topod:{version}')

    def test_it_runs_as_the_user_of_the_manifests(self):
        for manifest in BOTH:
            context = manifest.pod['securityContext']
            self.assertIn(f'\nUSER {context["runAsUser"]}:{context["runAsGroup"]}\n', self.text)

    def test_what_it_copies_is_what_the_build_reads(self):
        copied = set(re.findall(r'^COPY (\S+) \S+$', self.text, re.MULTILINE))
        build = (REPOSITORY / 'meson.build').read_text()
        self.assertLessEqual(set(re.findall(r"^subdir\('(\w+)'\)", build, re.MULTILINE)), copied)
        for name in copied:
            self.assertTrue((REPOSITORY / name).exists(), name)

    def test_it_has_the_libraries_that_the_programs_are_linked_with(self):
        installed = re.search(r'no-install-recommends \\\n(.*?) && rm', self.text, re.DOTALL)
        packages = set(installed.group(1).replace('\\', '').split())
        build = topod_binary().parents[1]
        for program in (build / each for each in PROGRAMS if (build / each).exists()):
            for path in linked_with(program):
                # These two are in every Debian image.
                self.assertIn(package_of(path), packages | {'libc6', 'libgcc-s1'}, program)


def linked_with(program):
    """Where the libraries are that the program itself names, without those of sanitizers."""
    def output(*command):
        return subprocess.run([*command, program], capture_output=True, text=True,
                              check=True).stdout
    found = dict(re.findall(r'(\S+) => (/\S+)', output('ldd')))
    named = re.findall(r'\(NEEDED\).*\[(.*)\]', output('readelf', '-d'))
    return [found[name] for name in named
            if name in found and not re.match('lib(a|t|ub)san', name)]


def package_of(path):
    real = str(pathlib.Path(path).resolve())
    # Debian's lists have some of them at their place of old.
    for name in (real, real.removeprefix('/usr')):
        found = subprocess.run(['dpkg', '-S', name], capture_output=True, text=True,
                               check=False).stdout
        if found:
            return found.partition(':')[0]
    raise AssertionError(f'{path} is in no package')


if __name__ == '__main__':
    unittest.main()
