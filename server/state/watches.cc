#include "server/state/watches.h"
