#include "server/state/sessions.h"
