# covers: field:include
# One file a site; a file is read once.

include "sites/*.dsl"
include "sites/a.dsl"

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

domain own.example

connector internet {
    address-space *
    dns
}
