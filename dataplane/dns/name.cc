#include "dataplane/dns/name.h"
