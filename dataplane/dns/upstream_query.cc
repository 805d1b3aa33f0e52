#include "dataplane/dns/upstream_query.h"
