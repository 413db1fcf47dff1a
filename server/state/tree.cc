#include "server/state/tree.h"
