#include "server/state/path.h"
