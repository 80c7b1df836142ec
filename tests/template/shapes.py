"""Chat templates of our own writing, each built as those of a family of models are: what they print, leave out, cut and repeat."""

# ---- ChatML and what came of it

CHATML = """{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}{% for c in m.tool_calls or [] %}
<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

# A system message of its own where there is none.
CHATML_DEFAULT = """{% if messages[0].role != 'system' %}<|im_start|>system
You help.<|im_end|>
{% endif %}""" + CHATML

CHATML_TAGS = """{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.role == 'assistant' %}{% generation %}{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content or '' }}{% if m.tool_calls %}{{ m.tool_calls | tojson }}{% endif %}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}

{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

# Tagged, and only the last answer's reasoning is printed.
TAGS_LAST_THOUGHT = """{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.role == 'assistant' %}{% generation %}{% if loop.last and m.reasoning_content %}<think>
{{ m.reasoning_content }}
</think>
{% endif %}{{ m.content or '' }}{% for c in m.tool_calls or [] %}{{ c.function.name }}({{ c.function.arguments | tojson }}){% endfor %}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}

{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

HERMES = """{% if tools %}<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}# Tools
{% for t in tools %}{{ t | tojson }}
{% endfor %}<|im_end|>
{% elif messages[0].role == 'system' %}<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif %}{% for m in messages %}{% if m.role == 'user' or (m.role == 'assistant' and not m.tool_calls) %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% elif m.role == 'assistant' %}<|im_start|>assistant{% if m.content %}

{{ m.content }}{% endif %}{% for call in m.tool_calls %}{% if call.function is defined %}{% set call = call.function %}{% endif %}

<tool_call>
{"name": "{{ call.name }}", "arguments": {{ call.arguments | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% elif m.role == 'tool' %}{% if loop.index0 == 0 or messages[loop.index0 - 1].role != 'tool' %}<|im_start|>user{% endif %}

<tool_response>
{{ m.content }}
</tool_response>{% if loop.last or messages[loop.index0 + 1].role != 'tool' %}<|im_end|>
{% endif %}{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

PHI_SEP = """{% for m in messages %}<|im_start|>{{ m.role }}<|im_sep|>{{ m.content }}{% for c in m.tool_calls or [] %}<|call|>{{ c.function.name }} {{ c.function.arguments | tojson }}{% endfor %}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant<|im_sep|>{% endif %}"""

# ---- thinking

THOUGHT = """{%- if m.reasoning_content is string %}{%- set thought = m.reasoning_content %}{%- set said = m.content or '' %}{%- elif '</think>' in (m.content or '') %}{%- set thought = m.content.split('</think>')[0].split('<think>')[-1] %}{%- set said = m.content.split('</think>')[-1] %}{%- else %}{%- set thought = '' %}{%- set said = m.content or '' %}{%- endif %}"""

# Old thoughts are left out, the last one's place is printed even where there is none.
QWEN_THINKING = """{%- set ns = namespace(last=-1) %}
{%- for m in messages %}{%- if m.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}
{%- for m in messages %}
{%- if m.role == 'assistant' %}""" + THOUGHT + """
{{- '<|im_start|>assistant\\n' }}
{%- if loop.index0 > ns.last and (loop.last or thought) %}{{- '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' }}{%- endif %}
{{- said.lstrip('\\n') }}
{%- for c in m.tool_calls or [] %}{{- '\\n<tool_call>\\n{"name": "' + c.function.name + '", "arguments": ' + c.function.arguments | tojson + '}\\n</tool_call>' }}{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- elif m.role == 'tool' %}{{- '<|im_start|>user\\n<tool_response>\\n' + m.content + '\\n</tool_response><|im_end|>\\n' }}
{%- else %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"""

# The prompt opens the thought.
THINK_OPENED = """{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.role == 'assistant' %}""" + THOUGHT + """{% if thought %}<think>
{{ thought }}
</think>

{% endif %}{{ said }}{% for c in m.tool_calls or [] %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% else %}{{ m.content }}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
<think>
{% endif %}"""

# What stands before </think> in a content is cut; reasoning of its own is not read; text beside calls is left out.
R1_DISTILL = """{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}{% endif %}{% endfor %}{% for m in messages %}{% if m.role == 'user' %}<|User|>{{ m.content }}{% elif m.role == 'assistant' and m.tool_calls %}<|Assistant|>{% for c in m.tool_calls %}<|call|>{{ c.function.name }}
{{ c.function.arguments | tojson }}{% endfor %}</s>{% elif m.role == 'assistant' %}{% set said = m.content %}{% if '</think>' in said %}{% set said = said.split('</think>')[-1] %}{% endif %}<|Assistant|>{{ said }}</s>{% elif m.role == 'tool' %}<|out|>{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|Assistant|><think>
{% endif %}"""

NEMOTRON = """{% for m in messages %}{% if m.role == 'assistant' %}<SPECIAL_11>Assistant
""" + THOUGHT + """{% if loop.last %}<think>{{ thought | trim }}</think>{% else %}<think></think>{% endif %}{{ said | trim }}{% for c in m.tool_calls or [] %}<TOOLCALL>{{ c.function | tojson }}</TOOLCALL>{% endfor %}
<SPECIAL_12>
{% else %}<SPECIAL_10>{{ m.role | title }}
{{ m.content | trim }}
{% endif %}{% endfor %}{% if add_generation_prompt %}<SPECIAL_11>Assistant
<think>{% endif %}"""

APRIEL = """{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|>
{% if m.reasoning_content and loop.last %}Here are my reasoning steps:
{{ m.reasoning_content }}
[BEGIN FINAL RESPONSE]
{% endif %}{{ m.content or '' }}{% if m.tool_calls %}<tool_calls>{{ m.tool_calls | tojson }}</tool_calls>{% endif %}<|end|>
{% else %}<|{{ m.role }}|>
{{ m.content }}<|end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>
Here are my reasoning steps:
{% endif %}"""

GLM_THINKING = """[gMASK]<sop>{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|>
""" + THOUGHT + """{% if thought and loop.last %}<think>{{ thought.strip() }}</think>{% else %}<think></think>{% endif %}
{% if said.strip() %}{{ said.strip() }}{% endif %}{% for c in m.tool_calls or [] %}
<tool_call>{{ c.function.name }}
{% for k, v in c.function.arguments.items() %}<arg_key>{{ k }}</arg_key><arg_value>{{ v if v is string else v | tojson }}</arg_value>
{% endfor %}</tool_call>{% endfor %}{% elif m.role == 'tool' %}<|observation|>
{{ m.content }}{% else %}<|{{ m.role }}|>
{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"""

# ---- harmony: channels; the header of a result names the function that was called

HARMONY_RESULT = """{%- elif m.role == 'tool' %}{{- '<|start|>functions.' + ns.name + ' to=assistant<|channel|>commentary<|message|>' + m.content + '<|end|>' }}"""

HARMONY = """{%- set ns = namespace(name='') %}{{- '<|start|>system<|message|>Valid channels: analysis, commentary, final.<|end|>' }}
{%- for m in messages %}
{%- if m.role == 'assistant' %}
{%- if m.tool_calls %}
{%- if m.thinking %}{{- '<|start|>assistant<|channel|>analysis<|message|>' + m.thinking + '<|end|>' }}{%- endif %}
{%- set ns.name = m.tool_calls[0].function.name %}
{{- '<|start|>assistant to=functions.' + ns.name + '<|channel|>commentary json<|message|>' + m.tool_calls[0].function.arguments | tojson + '<|call|>' }}
{%- elif loop.last and not add_generation_prompt %}
{%- if m.thinking %}{{- '<|start|>assistant<|channel|>analysis<|message|>' + m.thinking + '<|end|>' }}{%- endif %}
{{- '<|start|>assistant<|channel|>final<|message|>' + m.content + '<|return|>' }}
{%- else %}{{- '<|start|>assistant<|channel|>final<|message|>' + m.content + '<|end|>' }}{%- endif %}
""" + HARMONY_RESULT + """
{%- elif m.role == 'system' %}{{- '<|start|>developer<|message|># Instructions\\n' + m.content + '<|end|>' }}
{%- else %}{{- '<|start|>' + m.role + '<|message|>' + m.content + '<|end|>' }}{%- endif %}
{%- endfor %}{%- if add_generation_prompt %}{{- '<|start|>assistant' }}{%- endif %}"""

HARMONY_TRAINING = """{%- set ns = namespace(name='') %}
{%- for m in messages %}
{%- if m.role == 'assistant' %}
{%- if m.thinking %}{{- '<|start|>assistant<|channel|>analysis<|message|>' + m.thinking + '<|end|>' }}{%- endif %}
{%- if m.content %}{{- '<|start|>assistant<|channel|>' + ('commentary' if m.tool_calls else 'final') + '<|message|>' + m.content + ('<|end|>' if m.tool_calls else '<|return|>') }}{%- endif %}
{%- if m.tool_calls %}{%- set ns.name = m.tool_calls[0].function.name %}
{{- '<|start|>assistant to=functions.' + ns.name + '<|channel|>commentary json<|message|>' + m.tool_calls[0].function.arguments | tojson + '<|call|>' }}{%- endif %}
""" + HARMONY_RESULT + """
{%- else %}{{- '<|start|>' + m.role + '<|message|>' + m.content + '<|end|>' }}{%- endif %}
{%- endfor %}{%- if add_generation_prompt %}{{- '<|start|>assistant' }}{%- endif %}"""

HARMONY_TAGS = """{%- set ns = namespace(name='') %}
{%- for m in messages %}
{%- if m.role == 'assistant' %}{{- '<|start|>assistant' }}
{%- generation %}
{%- if m.thinking %}{{- '<|channel|>analysis<|message|>' + m.thinking + '<|end|><|start|>assistant' }}{%- endif %}
{%- if m.tool_calls %}{%- set ns.name = m.tool_calls[0].function.name %}
{{- ' to=functions.' + ns.name + '<|channel|>commentary json<|message|>' + m.tool_calls[0].function.arguments | tojson + '<|call|>' }}
{%- else %}{{- '<|channel|>final<|message|>' + m.content + '<|return|>' }}{%- endif %}
{%- endgeneration %}
""" + HARMONY_RESULT + """
{%- else %}{{- '<|start|>' + m.role + '<|message|>' + m.content + '<|end|>' }}{%- endif %}
{%- endfor %}{%- if add_generation_prompt %}{{- '<|start|>assistant' }}{%- endif %}"""
