select id, lower(trim(email)) as email, name, case when name is null then 'other' else 'named' end as kind
  from {{ source('app', 'person') }}
