# SPDX-License-Identifier: Apache-2.0
#
# What is installed: the programs, the library in both forms, its header, joinq.pc and the CMake package.
