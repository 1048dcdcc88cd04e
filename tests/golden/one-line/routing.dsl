# covers: field:mta.target
# Semicolons instead of lines, and names like keywords.

mta mta { target postfix; hostname mx.own.example; trust 10.0.0.0/8; postmaster bob@own.example }
system system { account bob@own.example,
    carol@own.example }; domain own.example {}
connector relay { to system; smart-host store.own.example }; connector error { address-space *; dns; }
