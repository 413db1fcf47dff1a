"""Ensembles of real processes, and clients that must not notice what befalls a minority."""

import logging

# That connections break is the point, and no news.
logging.getLogger('kazoo').setLevel(logging.CRITICAL)
