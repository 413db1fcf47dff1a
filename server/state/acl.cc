#include "server/state/acl.h"
