#include "dataplane/dns/answer.h"
