// SPDX-License-Identifier: BSL-1.0
module consumer

go 1.19
