#pragma once
#include "runtime/comm/communicator.h"
