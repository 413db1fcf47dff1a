"""The global topology and two cells as real processes, and the tour that README.md makes."""

import logging

# That connections break is the point, and no news.
logging.getLogger('kazoo').setLevel(logging.CRITICAL)
