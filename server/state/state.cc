#include "server/state/state.h"
