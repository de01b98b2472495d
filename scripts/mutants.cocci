// SPDX-License-Identifier: GPL-2.0
// Where scripts/mutants may change something. A line for each place, with tabs: the word "site", kind, file, function, and where it
// begins and ends: line, column, line, column. Two neighbouring statements that may change places have eight numbers.

@initialize:python@
@@
def site(kind, *places):
    fields = ["site", kind, places[0][0].file, places[0][0].current_element]
    for place in places:
        p = place[0]
        fields += [p.line, p.column, p.line_end, p.column_end]
    print("\t".join(fields))

// Conditions: the opposite, never true, one operand less
@condition@
expression E;
statement S1, S2;
position p;
@@
if (E@p) S1 else S2
@script:python@
p << condition.p;
@@
site("negate", p)
site("never", p)

@choice@
expression E, A, B;
position p;
@@
E@p ? A : B
@script:python@
p << choice.p;
@@
site("negate", p)

@and_right@
expression A, B;
position p;
@@
A && B@p
@script:python@
p << and_right.p;
@@
site("true", p)

@and_left@
expression A, B;
position p;
@@
A@p && B
@script:python@
p << and_left.p;
@@
site("true", p)

@or_right@
expression A, B;
position p;
@@
A || B@p
@script:python@
p << or_right.p;
@@
site("false", p)

@or_left@
expression A, B;
position p;
@@
A@p || B
@script:python@
p << or_left.p;
@@
site("false", p)

// Bounds
@bound@
expression A, B;
binary operator o = {<, <=, >, >=};
position p;
@@
A o@p B
@script:python@
p << bound.p;
@@
site("bound", p)

@one@
expression E;
binary operator o = {+, -};
position p;
@@
E o 1@p
@script:python@
p << one.p;
@@
site("one", p)

// Calls and assignments left out
@call@
expression E;
identifier f !~ "^(lockdep_assert_|might_|cond_resched|trace_|pr_|VM_WARN|WARN|BUILD_BUG|seq_p|va_)";
position p;
@@
f(...)@E@p;
@script:python@
p << call.p;
@@
site("call", p)

@assign@
expression E, V;
identifier m;
assignment operator o;
position p;
@@
E->m o@p V;
@script:python@
p << assign.p;
@@
site("assign", p)

// Another error number
@errno@
constant C =~ "^E[A-Z0-9]+$";
position p;
@@
 -C@p
@script:python@
p << errno.p;
@@
site("errno", p)

// A flag less
@flag@
expression E;
constant C;
position p;
@@
E | C@p
@script:python@
p << flag.p;
@@
site("flag", p)

@flag_first@
expression E;
constant C;
position p;
@@
C@p | E
@script:python@
p << flag_first.p;
@@
site("flag", p)

// Locks that are held for one statement less
@early@
expression E;
identifier unlock =~ "unlock|_put$|^up_";
statement S;
position p, q;
@@
S@p unlock(...)@E@q;
@script:python@
p << early.p;
q << early.q;
@@
site("early", p, q)

@late@
expression E;
identifier lock =~ "^(mutex|spin|folio|inode|filemap_invalidate|rcu_read|iobmd_[a-z_]*)_lock|^down_";
statement S;
position p, q;
@@
lock(...)@E@p; S@q
@script:python@
p << late.p;
q << late.q;
@@
site("late", p, q)
