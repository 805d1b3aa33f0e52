#include "dataplane/dns/question.h"
