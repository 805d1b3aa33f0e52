#include "control/command_line.h"
#include "control/instance.h"

int main(int argc, char** argv) { return control::command_line(argc, argv, control::run); }
