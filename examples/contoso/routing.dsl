# One SMTP address space, contoso.com, shared by two mail systems; the hub is the mail switch between them.

mta hub {
    target     postfix                       # postfix | exim | relay
    hostname   mail.contoso.com
    trust      10.0.0.0/8                    # clients that may relay anywhere
    postmaster bob@contoso.com
}

system exchange {
    account bob@contoso.com, robert@contoso.com     # one account, primary address first
    account carol@contoso.com
}

system unix {
    domain  unix.contoso.com                 # its own, unique SMTP domain
    account ann@contoso.com, ann@unix.contoso.com
}

shared domain contoso.com                    # unresolved recipients are rejected: the default

connector to-exchange {
    to         exchange
    smart-host exchange.corp.contoso.com
}

connector to-unix {
    to            unix
    address-space unix.contoso.com
    smart-host    [192.0.2.10]:25, backup.unix.contoso.com     # tried in order
    tls           required
}

connector internet {
    address-space *
    dns                                      # deliver by MX lookup
}

contact "Ann Lee" {
    primary   ann@unix.contoso.com           # the targetAddress: where the mail really goes
    secondary ann@contoso.com, ann.lee@contoso.com
}

expect ann.lee@contoso.com -> ann@unix.contoso.com via to-unix
expect bob@contoso.com via to-exchange
expect nobody@contoso.com rejected 5.1.1
expect someone@example.org via internet
