#include "server/state/expiry.h"
