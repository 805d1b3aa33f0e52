// ASSERT holds what only a bug of ours can break. It is on in every build but `release`.
#pragma once

#include <cassert>

#define ASSERT(condition) assert(condition)
