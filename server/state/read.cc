#include "server/state/read.h"
