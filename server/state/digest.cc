#include "server/state/digest.h"
