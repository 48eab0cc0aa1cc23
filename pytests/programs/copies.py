# Proxies that Python 2.7 stores: prints what each step of some programs gave, one JSON list a line. test_copies.py compares
# the lines that two servers get. For CPython 2.7 only.
from __future__ import print_function
import array
import hashlib
import json
import random
from multiprocessing import managers
import common

OBJECTS = ["m.list([1])", "m.list()", "m.list(['a', [2]])", "m.dict()", "m.dict({'x': 1})", "m.dict({1: [2]})", "m.Namespace()",
           "m.Namespace(n=1, _hidden=2)", "m.Value('i', 7)", "m.Value('d', [1])", "m.Array('i', [1, 2, 3])", "m.Array('c', 'abc')",
           "m.Array('u', u'hi')", "m.Array('d', [])", "m.Queue()"]
CONTAINERS = list, dict, array.array, managers.Namespace, managers.Value
# What is done first of all, one program a line; `a`, `b`... are the objects that it makes.
PROGRAMS = [
    "a=m.list([1]) b=m.list([a,a,{'k':a}]) b[0] b[:] a.append(2) b._getvalue() str(b) b[2] b[2]['k'] b[-1:] b.pop(0) b[:] b*2",
    "a=m.list() a.append(a) a[0] a[:] a._getvalue() str(a) a.append(a) a._getvalue() len(a) a.pop() a[:]",
    "a=m.list() b=m.list([a]) c=m.dict({'b':b}) a.append(c) a[0] b[0] c['b'] a._getvalue() b._getvalue() c.copy() str(a) str(c)",
    "a=m.Namespace() b=m.dict(a=a) a.b=b a.b b['a'] a._getvalue() b._getvalue() b.items() b.values()",
    "a=m.Namespace(x=1) b=m.Value('i',a) b.value b.get() a.x=[b,b] b.value a._getvalue() b._getvalue() a.x=b a.x",
    "a=m.Array('i',range(5)) b=m.list([a]) b[0] a[0]=7 b[0] b[:] str(b) c=m.Array('c','xyz') b.append(c) b[1] b._getvalue() str(b)",
    "a=m.list([1]) q=m.Queue() q.put(a) q.put([a,(a,)]) a.append(2) q.get() a.append(3) q.get() q.empty()",
    "a=m.list([1]) d=m.dict() d['a']=a d.get('a') d.get('z',a) d.setdefault('y',a) d.pop('y') d.pop('z',[a]) d.popitem() len(d)",
    "a=m.list([1]) d=m.dict() d['a']={'deep':[(a,a),a]} d['a'] d.values() a[0]=a d['a'] d.has_key('a') d.clear() a[0]",
    "a=m.list([1]) b=m.list() b[:]=[a,a] b[0:1] b[0]=a b.insert(0,(a,)) b.extend([a]) b._getvalue() b.reverse() b._getvalue()",
    "a=m.list([[1]]) b=m.list([a]) c=m.list(b) c[:] d=m.list([c,b,a]) d[:] d._getvalue() str(d) a[0]=5 d._getvalue()",
    "a=m.dict(k=1) b=m.list([a]) e=m.Namespace(p=b) f=m.Value('i',e) g=m.list([f,e,b,a]) g[:] g[0] str(g) a['k']=b",
    "a=m.list() b=m.Namespace(a=a,b=a,_c=a) b.a b._getvalue() str(b) a.append('new') b.b del_b=delattr(b,'b') b._getvalue()",
    "a=m.list([1]) i=m.dict({1:a}) b=m.list([i]) b[0][1] b[0] i[1] i.update({2:[a]}) b[0] i[2]",
    "a=m.list([1]) b=m.list([a]) b+[a] b+[[a]] b[0:9] b.__getslice__(0,1)",
]


def parts(value):
    """What it is without its parts, and those."""
    name = type(value).__name__
    if isinstance(value, managers.BaseProxy):
        return "proxy of " + value._token.typeid, []
    if isinstance(value, array.array):
        return "%s %s %s" % (name, value.typecode, value.tolist()), []
    if isinstance(value, (managers.Namespace, managers.Value)):
        return "%s %s" % (name, sorted(vars(value))), [v for _, v in sorted(vars(value).items())]
    if isinstance(value, dict):
        keys = sorted(value, key=repr)
        return "dict %s" % keys, [value[k] for k in keys]
    return (name, list(value)) if isinstance(value, (list, tuple)) else ("%s %r" % (name, value), [])


def shape(value, seen):
    """The value without addresses: each container once, with a number by which it is named where it is met again."""
    if isinstance(value, CONTAINERS):
        if id(value) in seen:
            return "again %d" % seen[id(value)][0]
        seen[id(value)] = len(seen), value
    label, inside = parts(value)
    return [label] + [shape(v, seen) for v in inside]


def look(value, in_order):
    """The same for any two values that look the same as far as one walks into them, however they share their parts."""
    nodes, todo = {}, [value]
    while todo:
        node = todo.pop()
        if id(node) not in nodes:
            nodes[id(node)] = parts(node) + (node,)
            todo += nodes[id(node)][1]
    looks = dict.fromkeys(nodes, "")
    for _ in range(60):
        looks = dict((i, hashlib.md5(repr((label, [looks[id(v)] for v in inside]))).hexdigest())
                     for i, (label, inside, _) in nodes.items())
    return looks[id(value)] if in_order else sorted(looks[id(v)] for v in nodes[id(value)][1])


def step(text, names):
    name, _, made = text.partition("=")
    try:
        if made and name.isalpha():
            names[name] = eval(made, names)
            return ["made"]
        if made and "(" not in name:
            exec(text, names)
            return ["done"]
        value = eval(text, names)
    except Exception as e:
        lines = str(e).strip().splitlines()
        return ["raised", type(e).__name__, [line for line in lines if not line.startswith("-")][-1:]]
    if text.startswith("str("):
        return ["text", "".join(sorted(value))]
    # dicts of 2.7 have no order
    return ["returned", look(value, not text.endswith((".items()", ".values()"))), shape(value, {})]


def random_steps(seed):
    """Objects that are put into each other, and read."""
    r = random.Random(seed)
    steps = ["%s=%s" % (name, r.choice(OBJECTS)) for name in "abcdef"]
    kinds = dict((s[0], s[4:s.index("(")]) for s in steps)

    def stored(levels=2):
        if levels == 0 or r.random() < 0.6:
            name = r.choice("abcdef")
            return name if kinds[name] != "Queue" else "5"
        return r.choice(["[%s,%s]", "(%s,%s)", "{'k':%s,'l':%s}"]) % (stored(levels - 1), stored(levels - 1))

    for _ in range(25):
        name = r.choice("abcdef")
        do = {
            "list": ["{n}.append({x})", "{n}.append({x})", "{n}.insert(0,{x})", "{n}[:]", "{n}[0]", "{n}[-1]", "{n}.pop()",
                     "{n}._getvalue()", "{n}[0:2]=[{x}]", "{n}.extend([{x},{x}])"],
            "dict": ["{n}['k']={x}", "{n}['l']={x}", "{n}['k']", "{n}.items()", "{n}.values()", "{n}.copy()", "{n}.pop('k')",
                     "{n}._getvalue()", "{n}.get('z',{x})", "{n}.update({{'m':{x}}})"],
            "Namespace": ["{n}.x={x}", "{n}.y={x}", "{n}.x", "{n}.y", "{n}._getvalue()"],
            "Value": ["{n}.value={x}", "{n}.value", "{n}.get()", "{n}._getvalue()"],
            "Array": ["{n}[0]=9", "{n}[:]", "{n}._getvalue()", "str({n})"],
            "Queue": ["{n}.put({x})", "{n}.put({x})", "{n}.get(False)", "{n}.qsize()"],
        }[kinds[name]]
        steps.append(r.choice(do).format(n=name, x=stored()))
    return steps


def main():
    manager = common.connect()
    programs = [text.split() for text in PROGRAMS] + [random_steps(seed) for seed in range(60)]
    for i, program in enumerate(programs):
        names = {"m": manager}
        for k, text in enumerate(program):
            print(json.dumps(["%s%d.%d %s" % ("random " * (i >= len(PROGRAMS)), i, k, text), step(text, names)]))


if __name__ == "__main__":
    main()
