# Writes schema.json: what Home Assistant's own source accepts as MQTT device discovery, read from its package without running it.
#   pip download --no-deps --python-version 3.13 --only-binary=:all: homeassistant==2026.2.3
#   python3 make_schema.py homeassistant-2026.2.3-py3-none-any.whl
# Keys, enumerations and the units of each class are those of its voluptuous schemas (Apache-2.0, Nabu Casa and contributors).
import ast
import json
import sys
import zipfile

wheel = zipfile.ZipFile(sys.argv[1])
version = sys.argv[1].rsplit('/', 1)[-1].split('-')[1]


def tree(path):
    return ast.parse(wheel.read(f'homeassistant/{path}.py').decode())


names, enums, schemas = {}, {}, {}
for path in ('const', 'components/sensor/const', 'components/binary_sensor/__init__', 'components/event/__init__',
             'components/event/const', 'components/mqtt/const', 'components/mqtt/config', 'components/mqtt/schemas',
             'components/mqtt/sensor', 'components/mqtt/binary_sensor', 'components/mqtt/event'):
    if f'homeassistant/{path}.py' not in wheel.namelist():
        continue
    for node in tree(path).body:
        if isinstance(node, ast.AnnAssign):
            node = ast.Assign(targets=[node.target], value=node.value)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.value is not None:
            names[f'{path}:{node.targets[0].id}'] = node.value
            names.setdefault(node.targets[0].id, node.value)
        elif isinstance(node, ast.ClassDef):
            values = {item.targets[0].id: item.value.value for item in node.body
                      if isinstance(item, ast.Assign) and isinstance(item.value, ast.Constant)}
            enums.setdefault(node.name, values)


def text(node):
    """The string that a name, a member of an enumeration or a literal stands for; None for what is no string."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return text(names[node.id]) if node.id in names else None
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return enums.get(node.value.id, {}).get(node.attr)
    return None


def texts(node):
    """All strings of a set; None when one of them is not known."""
    if isinstance(node, ast.Call):
        return texts(node.args[0])
    if isinstance(node, ast.Name) and node.id in enums:
        return list(enums[node.id].values())
    if isinstance(node, (ast.Set, ast.Tuple, ast.List)):
        values = []
        for item in node.elts:
            value = None if isinstance(item, ast.Constant) and item.value is None else text(item)
            if value is not None:
                values.append(value)
            elif not (isinstance(item, ast.Constant) and item.value is None):
                return None
        return values
    return None


STRING = {'type': 'string', 'minLength': 1}
TOPIC = {'type': 'string', 'minLength': 1, 'maxLength': 65535, 'pattern': r'^(?:[^+#\u0000]|(?<=^|/)\+(?=/|$)|(?<=^|/)#$)+$'}
RULES = {
    'cv.string': STRING, 'cv.boolean': {'type': 'boolean'}, 'cv.positive_int': {'type': 'integer', 'minimum': 0},
    'cv.template': STRING, 'cv.icon': {'type': 'string', 'pattern': '^[^:]+:[^:]+$'}, 'cv.ensure_list': {'type': 'array'},
    'cv.url': {'type': 'string', 'format': 'uri'}, 'cv.configuration_url': {'type': 'string', 'format': 'uri'},
    'valid_subscribe_topic': TOPIC, 'valid_publish_topic': {'type': 'string', 'pattern': '^[^+#\\u0000]+$'},
    'valid_qos_schema': {'enum': [0, 1, 2]}, 'ENTITY_CATEGORIES_SCHEMA': {'enum': ['config', 'diagnostic']},
    'vol.All(cv.ensure_list, [cv.string])': {'type': 'array', 'items': STRING, 'minItems': 1},
    'vol.All(cv.string, vol.In(AVAILABILITY_MODES))': {'enum': ['all', 'any', 'latest']},
}
CLASSES = {'sensor': 'SensorDeviceClass', 'binary_sensor': 'BinarySensorDeviceClass', 'event': 'EventDeviceClass'}


def keys(node, path):
    """Property and whether it must be there, for each key of a voluptuous schema and of those that it extends."""
    if isinstance(node, ast.Name):
        node = names.get(f'{path}:{node.id}', names.get(node.id))
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called.endswith('.extend'):
            return keys(node.func.value, path) + keys(node.args[0], path)
        if called == 'vol.All':
            return [key for argument in node.args for key in keys(argument, path)]
        if called == 'vol.Schema':
            return keys(node.args[0], path)
        return []
    if isinstance(node, ast.Attribute):
        return keys(node.value, path)
    if not isinstance(node, ast.Dict):
        return []
    found = []
    for key, value in zip(node.keys, node.values):
        if isinstance(key, ast.Call) and text(key.args[0]) is not None:
            found.append((text(key.args[0]), ast.unparse(key.func) == 'vol.Required', ast.unparse(value)))
    return found


def rule(name, validator, platform):
    if name == 'device_class':
        return {'enum': [*enums[CLASSES[platform]].values(), None]}
    if name == 'state_class':
        return {'enum': [*enums['SensorStateClass'].values(), None]}
    if name == 'availability':
        return {'type': 'array', 'items': {'$ref': '#/definitions/availability'}}
    if name in ('device', 'origin'):
        return {'$ref': f'#/definitions/{name}'}
    for known in (validator, validator.replace(', None', '').replace('None, ', '').removeprefix('vol.Any(').removesuffix(')')):
        if known in RULES:
            return RULES[known]
    return {}


def schema_of(schema, path, kind='sensor', **more):
    found = keys(ast.Name(id=schema), path)
    if not found:
        sys.exit(f'{schema} of {path} was not understood')
    return {
        'type': 'object', 'additionalProperties': False,
        'properties': {name: rule(name, validator, kind) for name, _, validator in found} | more,
        'required': sorted({name for name, must, _ in found if must}),
    }


units = {}
for key, value in zip(names['DEVICE_CLASS_UNITS'].keys, names['DEVICE_CLASS_UNITS'].values):
    allowed = texts(value)
    if allowed:
        units[text(key)] = sorted(allowed)
state_units = {text(key): texts(value) for key, value in zip(names['STATE_CLASS_UNITS'].keys, names['STATE_CLASS_UNITS'].values)}


def when(name, value, then):
    return {'if': {'properties': {name: {'const': value}}, 'required': [name]}, 'then': then}


own = {'platform': {'type': 'string'}}
sensor = schema_of('_PLATFORM_SCHEMA_BASE', 'components/mqtt/sensor', 'sensor', **own)
sensor['allOf'] = [when('device_class', name, {'properties': {'unit_of_measurement': {'enum': allowed}}})
                   for name, allowed in sorted(units.items())]
sensor['allOf'] += [when('state_class', name, {'properties': {'unit_of_measurement': {'enum': allowed}}, 'required': ['unit_of_measurement']})
                    for name, allowed in sorted(state_units.items()) if allowed]
device = schema_of('MQTT_ENTITY_DEVICE_INFO_SCHEMA', 'components/mqtt/schemas', connections={'type': 'array'})
device['anyOf'] = [{'required': ['identifiers']}, {'required': ['connections']}]
availability = schema_of('_MQTT_AVAILABILITY_SCHEMA', 'components/mqtt/schemas')
root = schema_of('DEVICE_DISCOVERY_SCHEMA', 'components/mqtt/schemas', components={
    'type': 'object', 'minProperties': 1, 'additionalProperties': {'$ref': '#/definitions/component'}})

print(json.dumps({
    '$schema': 'http://json-schema.org/draft-07/schema#',
    'title': f'MQTT device discovery of Home Assistant {version}',
    'description': 'Made by make_schema.py from homeassistant/components/mqtt of that release. A key it does not know is refused '
                   'here, though Home Assistant drops it from a component without a word.',
    **root,
    'definitions': {
        'device': device,
        'origin': schema_of('MQTT_ORIGIN_INFO_SCHEMA', 'components/mqtt/schemas'),
        'availability': {
            'type': 'object', 'additionalProperties': False, 'required': ['topic'],
            'properties': {'topic': TOPIC, 'value_template': STRING, 'payload_available': STRING, 'payload_not_available': STRING}},
        'component': {
            'type': 'object', 'required': ['platform', 'unique_id'],
            'oneOf': [{'allOf': [{'properties': {'platform': {'const': name}}}, {'$ref': f'#/definitions/{name}'}]} for name in CLASSES]},
        'sensor': sensor,
        'binary_sensor': schema_of('PLATFORM_SCHEMA_MODERN', 'components/mqtt/binary_sensor', 'binary_sensor', **own),
        'event': schema_of('_PLATFORM_SCHEMA_BASE', 'components/mqtt/event', 'event', **own),
    },
}, indent=1, ensure_ascii=False))
