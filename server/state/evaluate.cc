#include "server/state/evaluate.h"
