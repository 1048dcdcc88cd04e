# Northwind Traders and Tailspin Toys: one hub, three mail systems, two domains on all of them.

mta hub {
    target     postfix
    hostname   mx.northwindtraders.com
    address    198.51.100.7
    trust      10.0.0.0/9, 172.16.8.0/22     # Northwind's offices; Tailspin's
    postmaster postmaster@northwindtraders.com
}

system exchange {
    domain  ex.northwindtraders.com
    account lena.meyer@northwindtraders.com, lena@tailspintoys.com
    account sanjay.patel@northwindtraders.com, spatel@northwindtraders.com
    account postmaster@northwindtraders.com

    # Came over from Domino, and kept their old addresses.
    account paul.koch@northwindtraders.com, paul.koch@ex.northwindtraders.com
}

system warehouse {
    domain  dock.northwindtraders.com
    account dispatch@northwindtraders.com, dispatch@dock.northwindtraders.com
    account returns@tailspintoys.com, returns@dock.northwindtraders.com
}

# Nobody has a list of what Domino holds.
system domino {
    domain        notes.tailspintoys.com
    address       172.16.8.10
    authoritative tailspintoys.com
}

shared domain northwindtraders.com

shared domain tailspintoys.com {
    unresolved via to-domino verify
}

connector to-exchange {
    to         exchange
    smart-host ex1.corp.northwindtraders.com, ex2.corp.northwindtraders.com
    tls        required
}

connector to-warehouse {
    to         warehouse
    smart-host [10.3.0.25]
}

connector to-domino {
    to         domino
    smart-host domino.corp.tailspintoys.com
    max-size   20MB
}

connector internet {
    address-space *
    dns
}

include "people/northwind.dsl"
include "people/tailspin.dsl"

expect paul.koch@tailspintoys.com -> paul.koch@ex.northwindtraders.com via to-exchange
expect mia.hart@northwindtraders.com -> mia_hart@notes.tailspintoys.com to domino
expect lena@tailspintoys.com to exchange
expect whoever@tailspintoys.com to domino
expect whoever@northwindtraders.com rejected 5.1.1
