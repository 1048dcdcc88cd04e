# Adatum: who is where comes from the exports of two directories.

mta hub {
    target     postfix
    hostname   hub.adatum.com
    address    192.0.2.80
    trust      10.40.0.0/16
    postmaster postmaster@adatum.com
}

system exchange {
    account       postmaster@adatum.com
    accounts from "mailboxes.csv"
}

system unix {
    domain        unix.adatum.com
    accounts from "unix-people.ldif"
}

# A company that Adatum bought, with a mail server of its own.
system trey {
    domain treyresearch.net
}

shared domain adatum.com

connector to-exchange {
    to         exchange
    smart-host exchange.corp.adatum.com
}

connector to-unix {
    to         unix
    smart-host [10.40.7.25]
}

connector to-trey {
    to         trey
    smart-host mail.treyresearch.net
    tls        required
}

connector internet {
    address-space *
    dns
}

contacts from "mail-contacts.csv"
contacts from "ad-contacts.ldif"

expect postmaster@adatum.com to exchange
expect nobody@adatum.com rejected 5.1.1
