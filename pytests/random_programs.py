"""Random programs on managed objects, and how to make one smaller. Programs are lists of [TEXT, variable to be shown];
programs/random_calls.py plays them.

The same seed gives the same program. Nothing in a program waits for ever, and nothing makes a stock server ask itself
for ever (`l.extend(l)`). Knows nothing of servers or pytest.
"""
import ast
import random

# The values are few, so that they meet again.
KEYS = ("1 1.0 True 0 False 0.0 -1 2 'a' 'b' '1' '' b'a' u'a' None () (1,) (1.0,) (1,'a') frozenset([1]) frozenset() 1j "
        "(1+0j) 10**30 Decimal('1') Decimal('1.00') Fraction(1) Fraction(1,2) 0.5 1.5 -0.0 INF 2**63 float(2**63) 2**61-1 "
        "Point(1,2) Point(1.0,2) int KeyError").split()
PLAIN = ("None True False 0 1 2 3 -1 1.0 1.5 -2.5 'a' 'b' 'ab' '' b'a' b'' (1,2) () [] [1] [2,1] {} {'a':1} {1:2} "
         "10**30 'c' 4 5 6").split()
STRANGE = ("NAN INF -0.0 1j 2**31 -2**63 2**64 10**300 1e300 u'\\xe9' u'\\u20ac' '\\n' \"it's\" b'\\xff' bytearray(b'a') set() "
           "{1} {1,2} {'a'} frozenset('a') Decimal('1.50') Decimal('NaN') Fraction(1,3) date(2020,1,2) "
           "datetime(2020,1,2,3,4,5) timedelta(1) UUID(int=1) Point(1,[]) Pair(1,2) range(3) slice(1,2) int len Ellipsis "
           "KeyError('k') ValueError('x',1) OrderedDict([('a',1)]) deque([1]) Counter('ab') defaultdict(list,{1:[2]}) "
           "array('i',[1]) LOOP KNOT [LOOP] ([],) ((1,),) {'k':[1,{2:3}]} 'x'*300 [None]*20 -1.0 u'\\ud800' object").split()
STRANGE_3 = ["Color.RED", "Level.LOW", "Color('b')"]
ITERABLES = ("[] [1] [1,2,3] [3,'a',None] (1,2) () 'abc' '' b'ab' {} {'a':1,2:3} {3} range(3) range(5,0,-2) u'\\xe9x' [[1],[2]] "
             "bytearray(b'ab') deque([1,2]) OrderedDict([(2,1),(1,2)]) array('i',[1,2]) frozenset([2]) [1,1.0,True] "
             "[(1,2)] ('ab','cd')").split()
ITERABLES_3 = ["iter([1,2])", "iter((1,2))", "{1:2}.keys()", "{1:2}.items()", "reversed([1,2])"]
NO_ITERABLES = "None 1 1.5 int len Point(1,2) slice(1) Ellipsis".split()
PAIRS = ("{} {'a':1} {1:2,'b':None} {1.0:'x'} [('a',1)] [(1,2),[3,4]] [] () [(1,2,3)] [1] ['ab'] [(1,)] 'ab' None 5 {'c':[]} "
         "{True:0} [([],1)] OrderedDict([('z',1)]) Counter('aab') [('k',1),('k',2)] [('ok',1),5] {(1,):1} range(2) {('a','b')} "
         "defaultdict(int,{9:9}) [('q',1),([],2)]").split()
INDICES = "0 1 2 3 -1 -2 -3 5 10 True".split()
STRANGE_INDICES = "None 1.0 'a' -100 2**31 2**63 -2**63 10**30 -10**30 False b'a' [] 1j Decimal('1') NAN".split()
SLICE_PARTS = ["", "", "", "0", "1", "2", "-1", "-2", "5", "100", "-100", "None", "2**70", "-2**70", "True"]
STEPS = ["", "", "", "", ":", ":1", ":2", ":-1", ":-2", ":3", ":0", ":2**70", ":-100", ":None"]
STRANGE_SLICES = ["'a':", ":1.0", "::'x'", "None:None:None", "1:[]"]
COUNTS = "0 1 2 -1 True".split()
STRANGE_COUNTS = "None 1.5 'a' 2**62 2**70 -2**70 [] []+[] b''".split()
TYPECODES = "b B h H i I l L q Q f d".split()
STRANGE_TYPECODES = ["u", "x", "", "ii", "?", "s"]

# {x} any value, {k} a key, {i} an index, {s} a slice, {n} a count, {t} an iterable, {p} what update() takes, {b} a bool,
# {set} a set, {o} a variable of the same type, {l} a list, {c} a typecode, {v} a number for an array, and so on, see fill().
METHODS = {
    "list": [
        (3, "{a}.append({x})"), (2, "{a}.extend({t})"), (2, "{a}.insert({i},{x})"), (2, "{a}.pop()"), (2, "{a}.pop({i})"),
        (2, "{a}.remove({x})"), (2, "{a}.index({x})"), (1, "{a}.index({x},{i})"), (1, "{a}.index({x},{i},{i})"),
        (2, "{a}.count({x})"), (1, "{a}.reverse()"), (2, "{a}.sort()"), (1, "{a}.sort(reverse={b})"), (3, "{a}[{i}]"),
        (3, "{a}[{s}]"), (3, "{a}[{i}]={x}"), (4, "{a}[{s}]={t}"), (2, "del {a}[{i}]"), (3, "del {a}[{s}]"), (3, "{x} in {a}"),
        (2, "{a}+{l}"), (1, "{a}*{n}"), (1, "{n}*{a}"), (2, "{a}+={t}"), (1, "{a}*={n}"), (2, "len({a})"), (1, "list({a})"),
        (1, "{a}.__reversed__()"), (1, "{a}._getvalue()"), (1, "copy.deepcopy({a})"), (1, "{a}._callmethod('clear')"),
        (1, "{a}._callmethod('copy')"), (1, "{a}=m.list({t})"), (1, "{a}.extend({other})"), (1, "{a}[{s}]={other}"),
        (1, "{a}.append({proxy})"), (1, "{a}[{i}]._getvalue()"), (1, "{a}[{i}]=[{x},{proxy}]"), (1, "m.list({other})"),
        (1, "{a}+{other}"), (1, "repr({a})[:11]"), (1, "{a}._callmethod('__imul__',({n},))"), (1, "{a}=={l}"),
        (1, "sorted({a},key=repr)"), (1, "[y for y in {a}]"), (1, "{proxy} in {a}"), (1, "{a}.index({proxy})"),
        (1, "{a}.count({proxy})"), (1, "{a}.remove({proxy})"), (1, "{a}.extend([{proxy},{x}])"), (1, "{a}[{i}].append({x})"),
        (1, "{a}[{i}][{i}]._getvalue()"), (1, "{a}.pop()._getvalue()"), (1, "{a}=m.list([{proxy},{proxy}])"),
    ],
    "dict": [
        (4, "{a}[{k}]={x}"), (3, "{a}[{k}]"), (2, "del {a}[{k}]"), (3, "{k} in {a}"), (2, "{a}.get({k})"), (1, "{a}.get({k},{x})"),
        (2, "{a}.setdefault({k},{x})"), (1, "{a}.setdefault({k})"), (2, "{a}.pop({k})"), (1, "{a}.pop({k},{x})"),
        (2, "{a}.popitem()"), (4, "{a}.update({p})"), (1, "{a}.update({p},a={x})"), (1, "{a}.update(b={x},c=1)"),
        (2, "{a}.keys()"), (1, "{a}.values()"), (2, "{a}.items()"), (1, "{a}.copy()"), (1, "{a}.clear()"), (2, "len({a})"),
        (1, "{a}=m.dict({p})"), (1, "{a}=m.dict({p},a=1)"), (1, "{a}=m.dict(b={x})"), (1, "{a}._getvalue()"),
        (1, "copy.copy({a}._getvalue())"), (2, "{a}[{x}]={x}"), (1, "{a}[{x}]"), (1, "{x} in {a}"), (1, "{a}.update({other})"),
        (1, "{a}[{k}]={proxy}"), (1, "{a}[{k}]._getvalue()"), (1, "m.dict({other})"), (2, "{a}[{proxy}]={x}"), (1, "{a}[{proxy}]"),
        (1, "{proxy} in {a}"), (1, "del {a}[{proxy}]"), (1, "{a}.pop({proxy},{x})"), (1, "{a}.setdefault({proxy},{proxy})"),
        (1, "{a}.get({proxy})"), (1, "{a}[{k}][{i}]"), (1, "{a}[{k}].append({x})"),
    ],
    "dict of 3": [
        (1, "{a}._callmethod('__or__',({p},))"), (1, "{a}._callmethod('__ior__',({p},))"),
        (1, "{a}._callmethod('__ror__',({p},))"), (1, "list({a})"), (1, "{it}=iter({a})"), (2, "nxt({it})"), (1, "list({it})"),
        (1, "{a}._callmethod('__reversed__')"), (1, "{a}._callmethod('fromkeys',({t},))"),
        (1, "{a}._callmethod('fromkeys',({t},{x}))"),
    ],
    "set": [
        (4, "{a}.add({k})"), (1, "{a}.add({x})"), (2, "{a}.discard({k})"), (2, "{a}.remove({k})"), (1, "{a}.remove({x})"),
        (2, "{k} in {a}"), (1, "{x} in {a}"), (2, "len({a})"), (1, "pop_of({a})"), (1, "{a}.clear()"), (1, "{a}.copy()"),
        (2, "{a}.update({t})"), (1, "{a}.update({t},{t})"), (1, "{a}.union({t})"), (1, "{a}.intersection({t})"),
        (1, "{a}.difference({t})"), (1, "{a}.difference({t},{t})"), (1, "{a}.symmetric_difference({t})"),
        (1, "{a}.intersection_update({t})"), (1, "{a}.difference_update({t})"), (1, "{a}.symmetric_difference_update({t})"),
        (1, "{a}.issubset({t})"), (1, "{a}.issuperset({t})"), (1, "{a}.isdisjoint({t})"), (1, "{a}|={set}"), (1, "{a}&={set}"),
        (1, "{a}-={set}"), (1, "{a}^={set}"), (1, "{a}|{set}"), (1, "{a}&{set}"), (1, "{a}-{set}"), (1, "{a}^{set}"),
        (1, "{set}-{a}"), (1, "{a}<{set}"), (1, "{a}<={set}"), (1, "{a}>{set}"), (1, "{a}>={set}"), (1, "sorted(iter({a}),key=repr)"),
        (1, "{a}._getvalue()"), (1, "{a}=m.set({t})"), (1, "{a}._callmethod('__rsub__',({set},))"),
        (1, "{a}._callmethod('__ror__',({x},))"), (1, "{a}.update()"), (1, "{a}.union()"), (1, "{a}.add({proxy})"), (1, "{proxy} in {a}"), (1, "{a}.discard({proxy})"),
        (1, "{a}.remove({proxy})"), (1, "{a}.update([{proxy}])"), (1, "{a}.isdisjoint([{proxy}])"),
    ],
    "deque": [
        (3, "{a}.append({x})"), (3, "{a}.appendleft({x})"), (2, "{a}.pop()"), (2, "{a}.popleft()"), (2, "{a}.extend({t})"),
        (2, "{a}.extendleft({t})"), (2, "{a}.rotate({n})"), (1, "{a}.rotate()"), (1, "{a}.reverse()"), (1, "{a}.clear()"),
        (1, "{a}.copy()"), (2, "{a}.count({x})"), (2, "{a}.index({x})"), (1, "{a}.index({x},{i})"), (1, "{a}.index({x},{i},{i})"),
        (2, "{a}.insert({i},{x})"), (2, "{a}.remove({x})"), (3, "{a}[{i}]"), (3, "{a}[{i}]={x}"), (2, "del {a}[{i}]"),
        (2, "{x} in {a}"), (2, "len({a})"), (1, "list(iter({a}))"), (1, "list({a})"), (1, "list({a}.__reversed__())"),
        (1, "{a}._getvalue()"), (2, "{a}=m.deque({t},{n})"), (1, "{a}=m.deque({t})"), (1, "{a}=m.deque(maxlen={n},iterable={t})"),
        (1, "{a}.append({proxy})"), (1, "{proxy} in {a}"), (1, "{a}.index({proxy})"), (1, "{a}.count({proxy})"),
        (1, "{a}.remove({proxy})"), (1, "{a}[{i}]._getvalue()"), (1, "{a}.extend({other})"), (1, "{a}[{s}]"),
    ],
    "OrderedDict": [
        (4, "{a}[{k}]={x}"), (3, "{a}[{k}]"), (2, "del {a}[{k}]"), (3, "{k} in {a}"), (2, "{a}.get({k})"), (1, "{a}.get({k},{x})"),
        (2, "{a}.setdefault({k},{x})"), (2, "{a}.pop({k})"), (1, "{a}.pop({k},{x})"), (2, "{a}.popitem()"), (2, "{a}.popitem({b})"),
        (1, "{a}.popitem(last={b})"), (3, "{a}.move_to_end({k})"), (2, "{a}.move_to_end({k},last={b})"), (4, "{a}.update({p})"),
        (1, "{a}.update({p},a={x})"), (1, "{a}.copy()"), (1, "{a}.clear()"), (2, "len({a})"), (1, "{a}=m.OrderedDict({p})"),
        (1, "{a}=m.OrderedDict({p},a=1)"), (1, "{a}._getvalue()"), (1, "{a}=={p}"), (1, "{a}!={p}"), (1, "{a}==OrderedDict({p})"),
        (1, "{a}=={a}._getvalue()"), (1, "{a}!=dict({a}._getvalue())"), (1, "list({a})"), (1, "list({a}.__reversed__())"),
        (1, "{a}.fromkeys({t},{x})"), (1, "{a}[{k}]={proxy}"), (1, "{a}[{proxy}]={x}"), (1, "{proxy} in {a}"),
        (1, "{a}.move_to_end({proxy})"), (1, "{a}[{k}]._getvalue()"),
    ],
    "Counter": [
        (2, "{a}.get()"), (2, "{a}.set({v})"), (2, "{a}.increment()"), (2, "{a}.increment({v})"), (1, "{a}.decrement()"),
        (2, "{a}.decrement({v})"), (2, "{a}.add({v})"), (2, "{a}.exchange({v})"), (2, "{a}.compare_and_set({v},{v})"),
        (1, "{a}.compare_and_set({a}.get(),{v})"), (1, "{a}.compare_and_set({x},{v})"), (1, "{a}.set({x})"), (1, "{a}.add({x})"),
        (1, "{a}.increment(n={x})"), (1, "{a}.exchange({x})"), (1, "{a}._getvalue()"), (1, "{a}=m.Counter({v})"),
        (1, "{a}=m.Counter({x})"), (1, "{a}=m.Counter()"), (1, "{a}.add()"), (1, "{a}.get({x})"), (1, "{a}.set(value={v})"),
        (1, "{a}.compare_and_set(new={v},expected={v})"), (1, "elsewhere({a}.increment,{v})"),
    ],
    "RWLock": [
        (3, "{a}.acquire_read(False)"), (3, "{a}.acquire_write(False)"), (3, "{a}.release_read()"), (3, "{a}.release_write()"),
        (2, "{a}.locked()"), (1, "{a}.acquire_read(True,0)"), (1, "{a}.acquire_write({b},{late})"),
        (1, "{a}.acquire_read(timeout={late})"), (2, "elsewhere({a}.acquire_read,False)"), (2, "elsewhere({a}.release_read)"),
        (2, "elsewhere({a}.acquire_write,False)"), (2, "elsewhere({a}.release_write)"), (1, "{a}._getvalue()"),
        (1, "{a}.release_read({x})"), (1, "{a}.acquire_read({x},0)"),
    ],
    "Latch": [
        (2, "{a}.count()"), (3, "{a}.count_down()"), (2, "{a}.count_down({n})"), (1, "{a}.count_down(n={n})"), (2, "{a}.wait(0)"),
        (1, "{a}.wait(timeout={odd})"), (1, "{a}=m.Latch({n})"), (1, "{a}=m.Latch()"), (1, "{a}._getvalue()"),
        (1, "{a}.count_down({x},{x})"), (1, "elsewhere({a}.wait,0)"),
    ],
    "Queue": [
        (5, "{a}.put({x},False)"), (2, "{a}.put_nowait({x})"), (1, "{a}.put({x},True,0.001)"), (1, "{a}.put({x},timeout=-1)"),
        (4, "{a}.get(False)"), (2, "{a}.get_nowait()"), (1, "{a}.get(True,0.001)"), (1, "{a}.get(timeout={odd})"),
        (2, "{a}.qsize()"), (1, "{a}.empty()"), (1, "{a}.full()"), (2, "{a}.task_done()"),
        (1, "{a}._getvalue()"), (1, "{a}.put({x},block={odd},timeout=0)"), (1, "{a}.put({proxy},False)"),
        (1, "{a}=m.{type}({n})"), (1, "{a}._callmethod('put',({x},),{{'block':0}})"),
    ],
    "Value": [
        (3, "{a}.get()"), (3, "{a}.set({x})"), (2, "{a}.value"), (2, "{a}.value={x}"), (1, "{a}._getvalue()"),
        (1, "{a}=m.Value({c},{x})"), (1, "{a}=m.Value({x},{x},lock=False)"), (1, "{a}.set({proxy})"),
        (1, "copy.deepcopy({a})"),
    ],
    "Array": [
        (3, "{a}[{i}]"), (3, "{a}[{i}]={v}"), (3, "{a}[{s}]"), (3, "{a}[{s}]=array({c},{vs})"), (1, "{a}[{s}]={t}"),
        (2, "len({a})"), (1, "{a}=m.Array({c},{vs})"), (2, "{a}=m.Array({c},{t})"), (1, "{a}._getvalue()"), (1, "list({a})"),
        (1, "{a}[{i}]={x}"), (1, "copy.deepcopy({a})"), (1, "m.Array({c},{vs},lock={b})"), (1, "m.Array({sc},[1])"),
    ],
    "Namespace": [
        (3, "{a}.{name}={x}"), (3, "{a}.{name}"), (1, "del {a}.{name}"), (1, "{a}._getvalue()"), (1, "{a}.{name}={proxy}"),
        (1, "{a}=m.Namespace({name}={x})"),
    ],
    "Lock": [(3, "{a}.acquire(False)"), (2, "{a}.release()"), (1, "{a}.acquire(True,{late})"), (1, "{a}.acquire(timeout=0)"),
             (1, "{a}.acquire({b},0.001)"), (1, "elsewhere({a}.acquire,False)"), (1, "elsewhere({a}.release)")],
    "Semaphore": [(3, "{a}.acquire(False)"), (2, "{a}.release()"), (1, "{a}.acquire(True,0.001)"), (1, "{a}.acquire({b},0)")],
    "Event": [(2, "{a}.is_set()"), (1, "{a}.set()"), (1, "{a}.clear()"), (2, "{a}.wait(0)"), (1, "{a}.wait(timeout=0.001)")],
    "Condition": [(2, "{a}.acquire(False)"), (2, "{a}.release()"), (1, "{a}.wait(0.001)"), (1, "{a}.notify()"),
                  (1, "{a}.notify_all()"), (1, "{a}.wait(0)"), (1, "elsewhere({a}.acquire,False)"),
                  (1, "elsewhere({a}.release)"), (1, "elsewhere({a}.notify)")],
    "Barrier": [(1, "{a}.wait(0.001)"), (1, "{a}.reset()"), (1, "{a}.abort()"), (1, "{a}.parties"), (1, "{a}.n_waiting"),
                (1, "{a}.broken")],
}
# Any method with any arguments.
IN_ORDER = ("keys", "values", "items", "popitem")     # dicts of 2.7 have none
NOT_IN_2 = {"dict": ["popitem()", "keys()", "values()", "items()"], "deque": [".copy(", ".index(", ".insert(", " in {a}"],
            "OrderedDict": [".move_to_end("]}
ODD_METHODS = {
    "list": "__add__ __contains__ __delitem__ __getitem__ __len__ __mul__ __setitem__ append count extend index insert pop "
            "remove reverse sort __imul__ clear copy nosuch __init__ __class__",
    "dict": "__contains__ __delitem__ __getitem__ __len__ __setitem__ clear copy get items keys pop popitem setdefault "
            "update values fromkeys nosuch __eq__",
    "set": "__and__ __contains__ __ior__ __len__ __or__ __rsub__ __xor__ __le__ add clear copy difference discard isdisjoint "
           "issubset remove union update nosuch __hash__",
    "Value": "get set nosuch __str__ value", "Array": "__len__ __getitem__ __setitem__ append nosuch",
    "Queue": "put_nowait get_nowait qsize empty full task_done nosuch",
    "Namespace": "__getattribute__ __setattr__ __delattr__ nosuch",
    "deque": "append appendleft extend extendleft insert remove rotate count __contains__ __getitem__ __len__ __setitem__ nosuch",
    "OrderedDict": "__contains__ __eq__ __getitem__ __ne__ __setitem__ get pop popitem setdefault update copy fromkeys nosuch",
    "Counter": "get set increment decrement add compare_and_set exchange nosuch", "Latch": "count nosuch",
    "RWLock": "locked release_read release_write nosuch",
}
for _name in ("JoinableQueue", "LifoQueue", "PriorityQueue"):
    METHODS[_name], ODD_METHODS[_name] = METHODS["Queue"], ODD_METHODS["Queue"]
METHODS["RLock"], METHODS["BoundedSemaphore"] = METHODS["Lock"], METHODS["Semaphore"]
QUEUES = ["Queue", "JoinableQueue", "LifoQueue", "PriorityQueue"]
MADE = {
    "list": "m.list({some})", "dict": "m.dict({pairs})", "set": "m.set({set})", "Value": "m.Value({c},{x})",
    "Array": "m.Array({c},[1,2,3])", "Namespace": "m.Namespace({name}={x})", "Lock": "m.Lock()", "RLock": "m.RLock()",
    "Semaphore": "m.Semaphore({few})", "BoundedSemaphore": "m.BoundedSemaphore({few})", "Event": "m.Event()",
    "Condition": "m.Condition()", "Barrier": "m.Barrier(2)", "deque": "m.deque({some})", "OrderedDict": "m.OrderedDict({p})",
    "Counter": "m.Counter({v})", "RWLock": "m.RWLock()", "Latch": "m.Latch({few})",
}
MADE.update((name, "m.%s({few})" % name) for name in QUEUES)
# What most programs are about.
WEIGHTS = {"list": 10, "dict": 10, "set": 6, "Array": 4, "Value": 2, "Namespace": 2, "Queue": 3, "LifoQueue": 1,
           "PriorityQueue": 3, "JoinableQueue": 1, "Lock": 1, "RLock": 1, "Semaphore": 1, "BoundedSemaphore": 1, "Event": 1,
           "Condition": 1, "Barrier": 1, "deque": 6, "OrderedDict": 4, "Counter": 2, "RWLock": 2, "Latch": 1}
# Whose proxies are stored and looked up.
NESTED = ("list", "dict", "set", "deque", "Value", "Namespace", "Array", "Lock", "Queue", "Counter", "RWLock")


class Writer(object):
    """Writes one program for one version of Python."""

    def __init__(self, seed, version, types=None):
        self.random = random.Random(seed)
        self.version = version
        self.types = sorted(types or WEIGHTS)
        if version[0] == 2:
            self.types = [t for t in self.types if t != "Barrier"]
        self.variables = []     # (name, type)

    def one_of(self, *pools):
        return self.random.choice([item for pool in pools for item in pool])

    def chance(self, percent):
        return self.random.randrange(100) < percent

    def key(self):
        return self.one_of(KEYS)

    def value(self, depth=0):
        r = self.random.randrange(100)
        if r < 45:
            return self.one_of(PLAIN)
        if r < 65:
            return self.one_of(KEYS)
        if r < 85 or depth == 2:
            return self.one_of(STRANGE, STRANGE_3 if self.version[0] == 3 else ())
        items = [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        shape = self.random.randrange(4)
        if shape == 0:
            return "(%s)" % "".join(item + "," for item in items)
        if shape == 1:
            return "{%s}" % ",".join("%s:%s" % (self.key(), item) for item in items)
        return "[%s]" % ",".join(items)

    def iterable(self):
        r = self.random.randrange(100)
        if r < 60:
            return self.one_of(ITERABLES, ITERABLES_3 if self.version[0] == 3 else ())
        if r < 90:
            return "[%s]" % ",".join(self.value(1) for _ in range(self.random.randrange(6)))
        return self.one_of(NO_ITERABLES)

    def hashables(self):
        """A set, by and large."""
        r = self.random.randrange(100)
        if r < 75:
            return "set([%s])" % ",".join(self.key() for _ in range(self.random.randrange(5)))
        if r < 90:
            return "frozenset([%s])" % ",".join(self.key() for _ in range(self.random.randrange(3)))
        return self.value()

    def index(self):
        return self.one_of(STRANGE_INDICES) if self.chance(15) else self.one_of(INDICES)

    def slice(self):
        if self.chance(5):
            return self.one_of(STRANGE_SLICES)
        return self.one_of(SLICE_PARTS) + ":" + self.one_of(SLICE_PARTS) + self.one_of(STEPS)

    def count(self):
        return self.one_of(STRANGE_COUNTS) if self.chance(15) else self.one_of(COUNTS)

    def typecode(self):
        return repr(self.one_of(TYPECODES))

    def number(self):
        return self.one_of("0 1 -1 127 128 255 256 -129 65536 2**31 2**32 -2**63 2**64 1.5 -0.0 INF NAN True 1e300".split())

    def numbers(self):
        return "[%s]" % ",".join(self.one_of("0 1 2 3 100 True".split()) if self.chance(90) else self.number()
                                 for _ in range(self.random.randrange(5)))

    def variable(self, *types):
        found = [name for name, kind in self.variables if kind in types]
        return self.random.choice(found) if found else None

    def nested(self):
        """A variable, or a value with one in it; 2.7 would store the object itself: a value."""
        name = self.version[0] == 3 and self.variable(*NESTED)
        return self.one_of([name, name, name, "[%s]" % name, "(%s,1)" % name, "{'p':%s}" % name]) if name else self.value()

    def other(self, name, kind):
        """A list or dict that is not this one: no server asks itself for items while it adds them."""
        found = [other for other, its in self.variables if its == kind and other != name]
        return self.random.choice(found) if found and self.version[0] == 3 else self.iterable()

    def fill(self, template, name, kind):
        text, rest = "", template
        while "{" in rest:
            before, _, rest = rest.partition("{")
            text += before
            if rest.startswith("{"):
                text, rest = text + "{", rest[1:]
                continue
            word, _, rest = rest.partition("}")
            text += {
                "a": lambda: name, "type": lambda: kind, "x": self.value, "k": self.key, "i": self.index, "s": self.slice,
                "n": self.count, "t": self.iterable, "p": lambda: self.one_of(PAIRS), "set": self.hashables,
                "b": lambda: self.one_of(["True", "False", "0", "1"]), "c": self.typecode, "v": self.number,
                "vs": self.numbers, "sc": lambda: repr(self.one_of(STRANGE_TYPECODES)), "it": lambda: "i" + name,
                "late": lambda: self.one_of("0 0.001 'x' [] -0.5".split()),
                "odd": lambda: self.one_of("0 0.001 -1 'x' [] -0.5".split()), "proxy": self.nested,
                "some": lambda: "[%s]" % ",".join(self.value(1) for _ in range(self.random.randrange(6))),
                "pairs": lambda: "{%s}" % ",".join("%s:%s" % (self.key(), self.value(1)) for _ in range(self.random.randrange(5))),
                "few": lambda: self.one_of("0123"),
                "l": lambda: self.value() if self.chance(20) else "[%s]" % self.value(),
                "other": lambda: self.other(name, kind), "name": lambda: self.one_of(["x", "y", "long_name"]),
            }[word]()
        return (text + rest).replace("}}", "}") if "{{" in template else text + rest

    def step(self):
        name, kind = self.random.choice(self.variables)
        if kind in ODD_METHODS and self.chance(8):
            args = "".join(self.value(1) + "," for _ in range(self.random.randrange(4)))
            more = ",{'x':1}" if self.chance(10) else ""
            names = [n for n in ODD_METHODS[kind].split() if self.version[0] == 3 or n not in IN_ORDER]
            return ["%s._callmethod(%r,(%s)%s)" % (name, self.one_of(names), args, more), name]
        methods = METHODS[kind] + (METHODS["dict of 3"] if kind == "dict" and self.version[0] == 3 else [])
        if self.version[0] == 2:
            methods = [m for m in methods if not any(text in m[1] for text in NOT_IN_2.get(kind, ()))]
        template = self.random.choice([text for weight, text in methods for _ in range(weight)])
        return [self.fill(template, name, kind), name]

    def program(self, n_steps):
        steps = []
        weighted = [t for t in self.types for _ in range(WEIGHTS[t])]
        for name in "abcd"[:self.random.choice([1, 1, 2, 2, 3, 4])]:
            kind = self.random.choice(weighted)
            steps.append(["%s=%s" % (name, self.fill(MADE[kind], name, kind)), name])
            self.variables.append((name, kind))
        return steps + [self.step() for _ in range(n_steps)]


# --- making a program smaller

class _Replace(ast.NodeTransformer):
    def __init__(self, place, make):
        self.place, self.make, self.at = place, make, -1

    def visit(self, node):
        self.at += 1
        if self.at == self.place:
            return self.make
        return self.generic_visit(node)


SIMPLE = ["None", "0", "1", "'a'", "[]", "()", "{}"]


def simpler(text):
    """Simpler forms of one step, the simplest first."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    nodes = []

    class Collect(ast.NodeVisitor):
        def visit(self, node):
            nodes.append(node)
            self.generic_visit(node)
    Collect().visit(tree)
    seen = {text}
    for place, node in enumerate(nodes):
        if not isinstance(node, ast.expr) or isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            continue
        if isinstance(node, ast.Constant) and repr(node.value) in SIMPLE[:4]:
            continue
        candidates = [ast.parse(simple, mode="eval").body for simple in SIMPLE]
        candidates += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        for field in ("elts", "args", "keywords"):
            for i in range(len(getattr(node, field, ()))):
                less = ast.parse(ast.unparse(node), mode="eval").body
                if hasattr(less, field) and i < len(getattr(less, field)):
                    del getattr(less, field)[i]
                    candidates.append(less)
        if isinstance(node, ast.Dict):
            for i in range(len(node.keys)):
                less = ast.parse(ast.unparse(node), mode="eval").body
                del less.keys[i], less.values[i]
                candidates.append(less)
        for candidate in candidates:
            try:
                changed = ast.unparse(ast.fix_missing_locations(_Replace(place, candidate).visit(ast.parse(text))))
                ast.parse(changed)
            except (SyntaxError, ValueError, AttributeError, TypeError):
                continue
            if changed not in seen and len(changed) <= len(text) + 3:
                seen.add(changed)
                yield changed


def shrink(program, differs, tries=400):
    """The smallest program found for which differs(program) is still true."""
    left = [tries]

    def still(candidate):
        left[0] -= 1
        return left[0] >= 0 and differs(candidate)

    def shorter(program):
        size = len(program)
        while size > 1:
            size //= 2
            at = 0
            while at < len(program):
                candidate = program[:at] + program[at + size:]
                if candidate and still(candidate):
                    program = candidate
                else:
                    at += size
        return program

    program = shorter(program)
    changed = True
    while changed and left[0] > 0:
        changed = False
        for i in range(len(program) - 1, -1, -1):
            for text in simpler(program[i][0]):
                candidate = program[:i] + [[text, program[i][1]]] + program[i + 1:]
                if still(candidate):
                    program, changed = candidate, True
                    break
    return shorter(program)
